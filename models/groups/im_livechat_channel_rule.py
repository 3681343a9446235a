import re

from odoo import api, models
from odoo.exceptions import ValidationError

from ...dispatch import scope as scopes
from ...tools import sent

# At most this long is the address a rule looks at.
_PATTERN_LENGTH_MAX = 500
# What may repeat; counted wherever it stands.
_REPEATS = re.compile(r"[*+{]")
# With no more than these, and none of a group, Python's `re` takes some milliseconds at most.
_REPEATS_MAX, _OPTIONAL_MAX = 1, 5
_REPEATED_GROUP = re.compile(r"\)[*+?{]")
# PostgreSQL's names for the edges of words.
_EDGES = {r"\b": r"\y", r"\B": r"\Y"}


class ImLivechatChannelRule(models.Model):
    """Core looks for a rule's address in the page's with Python's ``re``, on each page view and
    without an end: twenty-eight letters kept a process busy for a minute."""

    _inherit = "im_livechat.channel.rule"

    @api.constrains("regex_url")
    def _check_regex_url(self):
        sent.check_lengths(self, {"regex_url": _PATTERN_LENGTH_MAX})
        for rule in self:
            pattern = rule.regex_url or ""
            try:
                re.compile(pattern)
            except (re.error, OverflowError, RecursionError) as error:
                raise ValidationError(
                    self.env._(
                        "The pattern %(pattern)s is not valid: %(error)s",
                        pattern=pattern,
                        error=error,
                    )
                ) from None
            if not _is_quick(pattern):
                self.env["livechat.dispatch.scope"]._check_pattern(_translate(pattern))

    def match_rule(self, channel_id, url, country_id=False):
        """As core's, in a time that is bounded whatever a rule says, also one from before."""
        if not sent.is_record_id(channel_id):
            return self.browse()
        # A browser tells a server elsewhere no more of the page than its site.
        page = scopes.clean_page(self.env.context.get("livechat_dispatch_page") or url)
        wheres = [("country_ids", "=", False)]
        if sent.is_record_id(country_id):
            # First those of the country, then those of none.
            wheres = [("country_ids", "in", [country_id]), *wheres]
        for where in wheres:
            for rule in self.search([where, ("channel_id", "=", channel_id)]):
                if rule._fits_page(page) and rule._has_its_bot():
                    return rule
        return self.browse()

    def _fits_page(self, page):
        """Tell whether a page is one that this rule is about."""
        pattern = self.regex_url or ""
        if _is_quick(pattern):
            try:
                return bool(re.search(pattern, page))
            except re.error:
                return False
        scope_lines = self.env["livechat.dispatch.scope"]
        return bool(
            len(pattern) <= _PATTERN_LENGTH_MAX
            and not scopes.FORBIDDEN.search(pattern)
            and scope_lines._find_matching_patterns([_translate(pattern)], page)
        )

    def _has_its_bot(self):
        """Tell whether what the rule asks of its bot and of agents is there, as core asks it."""
        bot = self.chatbot_script_id
        if bot and not (bot.active and bot.script_step_ids):
            return False
        wanted = {"only_if_operator": True, "only_if_no_operator": False}
        when = self.chatbot_enabled_condition
        return when not in wanted or wanted[when] == bool(self.channel_id.available_operator_ids)


def _is_quick(pattern):
    """Tell whether Python's ``re`` is quick about this, on whatever page."""
    return (
        len(pattern) <= _PATTERN_LENGTH_MAX
        and len(_REPEATS.findall(pattern)) <= _REPEATS_MAX
        and pattern.count("?") <= _OPTIONAL_MAX
        and not _REPEATED_GROUP.search(pattern)
    )


def _translate(pattern):
    """Return a pattern of Python's as PostgreSQL reads it."""
    return re.sub(r"\\.", lambda match: _EDGES.get(match[0], match[0]), pattern)
