"""How often a buyer and an address may ask for something, in an hour: generous for people, and a
bound for scripts."""

from odoo.http import request

from ..dispatch.ledger import door

# For one buyer.
_PER_BUYER = {"chat": 20, "look": 240, "word": 240, "leave": 20}

# For one address, in chats of an address: a school or an office has one for all.
_PER_ADDRESS = {"chat": 1, "look": 20, "word": 20, "leave": 1, "activation": 1}


def is_welcome(what):
    """Count that whoever sends this request asks for something, and tell whether that is not too
    often. The address is the one that Odoo sees, with its ``proxy_mode``.

    :param what: ``chat``, ``look`` at the widget, a ``word`` before the first answer, ``leave`` a
        message, or ``activation``.
    """
    # sudo: res.config.settings - how many chats an address may open
    chats = request.env["res.config.settings"].sudo()._get_dispatch_address_chats()
    if not chats:
        return True
    asked = []
    address = door.read_address(request.httprequest.remote_addr)
    if address:
        asked.append(door.Request(what, address, chats * _PER_ADDRESS[what]))
    partner, guest = request.env["im_livechat.channel"]._identify_buyer()
    if what in _PER_BUYER and (buyer := partner or guest):
        asked.append(door.Request(what, f"{buyer._name} {buyer.id}", _PER_BUYER[what]))
    return door.admit(request.env, asked)


def say_wait():
    """Return what somebody is told who asks too often."""
    return request.env._("That was very often. Please wait a minute and try again.")


def refuse():
    """Return the answer to a page: no chat and no message, and why."""
    return {"channel_id": False, "message_id": False, "dispatch_refusal": say_wait()}
