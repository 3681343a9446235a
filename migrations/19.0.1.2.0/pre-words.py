"""Menu items and labels that got another name lose the translations of the former one: an upgrade
brings new ones, but leaves those alone that are there."""

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
        table = model.replace(".", "_")
        # Served by the primary key, of the addon's own records.
        cr.execute(
            f"""
            UPDATE {table}
               SET name = jsonb_build_object('en_US', name -> 'en_US')
             WHERE name ->> 'en_US' = ANY(%s)
               AND id IN (SELECT res_id FROM ir_model_data WHERE module = %s AND model = %s)
            """,
            [list(names), "im_livechat_subaccount", model],
        )
