def lay_over_all_models(registry, layer):
    """Give all models of a registry the methods of ``layer``, over those of ``base``.

    Said by ``_inherit = "base"``, core would go through the tables of all models at each upgrade of
    this addon and ask for their indexes again, and a shop at work would wait for its order lines.
    For a layer without fields nothing is to be done there. To be called from
    ``_post_model_setup__``, when core has put the classes of all models together.

    :param layer: a class of ``AbstractModel`` with ``_register = False``, and base's own
        description, which core asks of each class in its way
    """
    lay_over(registry["base"], layer)


def lay_over(model_class, layer):
    """Give a model of a registry the methods of ``layer``, over all that modules say of it; it may
    be one on whose module ours does not depend. To be called as :func:`lay_over_all_models`.

    :param layer: a class of the model's own kind with ``_register = False``, without fields
    """
    if layer not in model_class._base_classes__:
        model_class._base_classes__ = (layer, *model_class._base_classes__)
        model_class.__bases__ = model_class._base_classes__
