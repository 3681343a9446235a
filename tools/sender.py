"""Whose address stands on what is mailed for a shop."""


def get_sender(company):
    """Return the address that this company mails from; empty while it has none.

    Nothing can be mailed then: Odoo notes an error on a mail that nobody looks at.
    """
    # sudo: res.company, ir.mail_server - what stands on each of its mails is no secret
    company = company.sudo()
    servers = company.env["ir.mail_server"].with_company(company)
    return company.email_formatted or servers._get_default_from_address() or ""
