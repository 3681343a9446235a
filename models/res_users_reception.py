from odoo import api, models
from odoo.exceptions import AccessError

# What Reception shows of an agent.
_SHOWN_FIELDS = frozenset(
    {
        "name",
        "image_1920",
        "dispatch_weight",
        "dispatch_paused",
        "dispatch_paused_until",
        "dispatch_overloaded",
        "dispatch_calendar_id",
    }
)
# What makes somebody an agent, or another one's.
_STAFF_FIELDS = frozenset({"active", "group_ids", "main_account_id", "livechat_channel_ids"})


class ResUsers(models.Model):
    _inherit = "res.users"

    @api.model_create_multi
    def create(self, vals_list):
        users = super().create(vals_list)
        users._mark_reception("staff")
        return users

    def write(self, vals):
        if _STAFF_FIELDS & vals.keys():
            # Before as well: whoever they leave looks again, too.
            # sudo: res.users - whose they were, whoever may change that
            (self | self.sudo().main_account_id)._mark_reception("staff")
        result = super().write(vals)
        if _SHOWN_FIELDS & vals.keys():
            self._mark_reception("agents")
        return result

    def _mark_reception(self, part):
        """Let open Reception pages look again at these users when this transaction commits.

        :param part: ``agents`` (their figures) or ``staff`` (who they are and where they serve).
        """
        if self:
            self.env["im_livechat.channel"]._get_reception_marks()[part].update(self.ids)

    def _watches_reception(self):
        """Tell whether this user may open the page *Reception*."""
        self.ensure_one()
        return any(
            self.has_group(group)
            for group in (
                "im_livechat_subaccount.group_dispatch_manager",
                "im_livechat.im_livechat_group_manager",
                "im_livechat_subaccount.group_auditor",
            )
        )

    def _watches_every_reception(self):
        """Tell whether this user may watch all shops, and the channels that are nobody's."""
        self.ensure_one()
        return not self._is_shop_staff() and (
            self.has_group("im_livechat.im_livechat_group_manager")
            or self.has_group("im_livechat_subaccount.group_auditor")
        )

    def dispatch_set_weight(self, weight):
        """Give these agents another weight; it counts for the next buyer.

        :param weight: a whole number from 10 to 1000.
        :raise AccessError: for who does not manage their dispatch; nobody of a shop but its main
            account sets the own weight.
        :raise ValidationError: a weight out of range, with the limits in it.
        """
        self._check_dispatch_weight({"dispatch_weight": weight})
        # sudo: res.users - whose sub-accounts they are
        if len(self.sudo().exists()._find_manageable(self.env.user)[0]) != len(self):
            raise AccessError(
                self.env._("You can set the weights of other agents of your shop only.")
            )
        # sudo: res.users - checked above, and nothing but the weight
        users = self.sudo().with_context(self.env["livechat.subaccount"]._clean_context())
        users.write({"dispatch_weight": int(weight)})
        # What follows from it is logged now, before the caller's context has a say in it.
        users.env.flush_all()
        return True

    def _find_manageable(self, manager):
        """Return the ids of those of these users whose weight ``manager`` may set, and of those
        whom it may pause.

        As ``_manages_dispatch_of``, for all of them at once.

        :rtype: tuple[set[int], set[int]]
        """
        manages_all = manager._manages_dispatch_of(self.browse())
        owner = manager._get_shop_owner()
        manages_own = manager._manages_some_dispatch()
        may_weigh, may_pause = set(), set()
        for user in self:
            is_managed = manages_all or (
                manages_own and bool(owner) and owner == (user.main_account_id or user)
            )
            is_self = user == manager
            if is_managed or (is_self and user._has_agent_group()):
                may_pause.add(user.id)
            # As dated changes: nobody of a shop sets its own weight or its main account's, except
            # the main account itself.
            if is_managed and (
                manages_all or (user == owner == manager) or (user != owner and not is_self)
            ):
                may_weigh.add(user.id)
        return may_weigh, may_pause
