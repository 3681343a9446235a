# `policy` and `credit` are pure Python and importable without Odoo (their tests do so):
# nothing is imported here.
