"""Menu items and labels that got another name lose the translations of the former one: an upgrade
brings new ones, but leaves those alone that are there."""

from odoo.tools import SQL

FORMER = {
    "ir.ui.menu": ("Dispatch", "Waiting", "What Is in Force When"),
    "ir.model.fields.selection": (
        "Highest credit",
        "Lowest load for the weight",
        "Nobody could",
        "Others wait in line before",
        "Put into the pool",
    ),
}


def migrate(cr, version):
    for model, names in FORMER.items():
        # Served by the primary key, of the addon's own records.
        cr.execute(
            SQL(
                """
                UPDATE %(table)s
                   SET name = jsonb_build_object('en_US', name -> 'en_US')
                 WHERE name ->> 'en_US' IN %(names)s
                   AND id IN (
                           SELECT res_id
                             FROM ir_model_data
                            WHERE module = 'im_livechat_subaccount' AND model = %(model)s)
                """,
                table=SQL.identifier(model.replace(".", "_")),
                names=names,
                model=model,
            )
        )
