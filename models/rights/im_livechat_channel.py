from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Command, Domain
from odoo.tools import email_normalize

from ...tools import sent


class ImLivechatChannel(models.Model):
    _inherit = "im_livechat.channel"

    dispatch_may_join = fields.Boolean(compute="_compute_dispatch_may_join")
    dispatch_agent_domain = fields.Binary(
        compute="_compute_dispatch_agent_domain",
        help="Whom the reader may make an agent: nobody is offered whom saving refuses.",
    )

    @api.depends("main_account_id")
    @api.depends_context("uid")
    def _compute_dispatch_may_join(self):
        user = self.env.user
        is_staff = user._is_shop_staff()
        # sudo: im_livechat.channel - whose it is
        for channel, row in zip(self, self.sudo(), strict=True):
            channel.dispatch_may_join = not is_staff or user._manages_dispatch_of(
                row.main_account_id
            )

    @api.depends_context("uid")
    def _compute_dispatch_agent_domain(self):
        self.dispatch_agent_domain = list(self._get_agent_domain())

    @api.model
    def _get_agent_domain(self):
        """Return the domain of the users whom the caller may make agents of a channel."""
        able = Domain("all_group_ids", "in", self.env.ref("im_livechat.im_livechat_group_user").ids)
        # The server's own user is dismissed again.
        able &= Domain("id", "!=", SUPERUSER_ID)
        if self._may_choose_anybody():
            return able
        return able & self._get_own_agents_domain(self.env.user._get_shop_owner())

    def _is_home_of(self, user):
        """Tell whether this user works here, and is no buyer: the people of this channel's shop,
        and employees who are no shop's. Whoever works for another shop is a buyer as others are."""
        return not user.share and (not user._is_shop_staff() or self in user._get_home_channels())

    def _may_choose_anybody(self):
        return self.env.user.has_group("im_livechat.im_livechat_group_manager")

    @api.model
    def _get_own_agents_domain(self, owner):
        """Return the domain of the people of a shop: its sub-accounts and its main account."""
        return Domain("main_account_id", "=", owner.id) | Domain("id", "=", owner.id)

    def write(self, vals):
        if not self.env.su and not self._may_choose_anybody():
            vals = self._read_shop_values(vals)
        if self.env.su and (commands := sent.to_commands(vals.get("user_ids", []))):
            # Core itself takes those out who have lost the right.
            gone = self.user_ids - sent.get_chosen(self.user_ids, commands)
            self._do_without_proxies(gone._filter_lost())
        return super().write(vals)

    def _do_without_proxies(self, lost):
        """Let channels keep messages that had only these people as proxies: a right is taken away
        whatever else a channel asks for."""
        self.filtered(
            lambda channel: (
                lost
                and channel.offline_rule == "proxy"
                and not (channel.proxy_user_ids & channel.user_ids) - lost
            )
        ).offline_rule = "pool"

    def _read_shop_values(self, vals):
        """Return what a shop's people say about their channel.

        :raise AccessError: a field for live chat's managers, or agents of somebody else.
        """
        for name in vals:
            if not self._says(name, "shop_may_set"):
                raise AccessError(self.env._("You cannot set %(field)s of a channel.", field=name))
        vals = sent.read_fields(self, vals)
        owner = self.env.user._get_shop_owner()
        for channel in self if "user_ids" in vals else ():
            agents = sent.get_chosen(channel.user_ids, vals["user_ids"])
            # sudo: res.users - whose sub-accounts they are
            newcomers = (agents - channel.user_ids).sudo()
            if newcomers - newcomers.filtered_domain(self._get_own_agents_domain(owner)):
                raise AccessError(self.env._("Only sub-accounts of your shop can be agents."))
        return vals

    def action_join(self):
        self._check_may_join()
        return super().action_join()

    def action_quit(self):
        self._check_may_join()
        result = super().action_quit()
        user = self.env.user
        # sudo: im_livechat.channel, res.users - whom a shop's manager leaves
        for channel in self.sudo().with_context(lang=self.sudo().main_account_id.lang):
            owner = channel.main_account_id
            if owner and owner != user and user._is_shop_staff():
                message = channel.env._(
                    "%(name)s has left %(channel)s.", name=user.name, channel=channel.name
                )
                owner._bus_send("simple_notification", {"type": "warning", "message": message})
        return result

    def _check_may_join(self):
        """Core lets every agent join and leave every channel, with sudo; who is on a channel is its
        shop's manager to say, as in a write.

        :raise AccessError:
        """
        sent.expect_ids(self)
        if not all(channel.dispatch_may_join for channel in self):
            raise AccessError(
                self.env._("Who manages the dispatch of this channel says who its agents are.")
            )

    def _mails_masked(self, email):
        """Tell whether a mail from this channel's shop to an address leaves out how to reach a
        buyer: as the role says of whoever of the shop has the address, and to everybody whom the
        shop does not have. A channel that is no shop's keeps Odoo's openness.

        :param str email: where the mail goes.
        """
        # sudo: im_livechat.channel, res.users - whose address it is
        owner = self.sudo().main_account_id
        if not owner:
            return False
        address = email_normalize(email)
        readers = address and owner.search(
            [
                ("partner_id.email_normalized", "=", address),
                *("|", ("id", "=", owner.id), ("main_account_id", "=", owner.id)),
            ]
        )
        return not readers or any(
            reader.with_user(reader)._sees_contacts_masked() for reader in readers
        )

    @api.model
    def _release_lost_agents(self):
        """Take agents who lost the right to receive buyers out of every dispatched channel, and
        hand over their chats.

        Called whenever groups change. A channel in ``native`` mode keeps the agents core leaves
        there, except a shop's sub-accounts.
        """
        self.env["res.users"].flush_model()
        # sudo: res.users, im_livechat.channel - whoever changed the rights changed who is an agent
        users = self.env["res.users"].sudo().with_context(active_test=False)
        agents = users.search(
            [
                ("livechat_channel_ids", "!=", False),
                *("|", ("main_account_id", "!=", False)),
                ("livechat_channel_ids.dispatch_mode", "!=", "native"),
            ]
        )
        # Not a search for "not in": that finds everybody who has some other group as well.
        lost = agents._filter_lost()
        for user in lost:
            channels = user.livechat_channel_ids.filtered(
                lambda channel, user=user: channel.dispatch_mode != "native" or user.main_account_id
            )
            channels._do_without_proxies(user)
            channels.write({"user_ids": [Command.unlink(user.id)]})
        self.env["livechat.announcement"]._agent_leaves(lost)
