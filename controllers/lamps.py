import json

from odoo.http import Controller, request, route

from ..dispatch.scope import LANGUAGE_LENGTH_MAX
from ..models.decision.im_livechat_channel_lamps import ANSWER_LASTS
from ..tools import phrase
from ..tools.sent import is_record_id, is_text
from .main import speak


class LampsController(Controller):
    @route(
        "/im_livechat_subaccount/lamps/<int:channel_id>",
        type="http",
        auth="public",
        methods=["GET"],
        cors="*",
        save_session=False,
        readonly=True,
        sitemap=False,
    )
    def lamps(self, channel_id, lang="", **_ignored):
        """Tell a page, on whatever site, which of a channel's groups are there for buyers.

        It is the same for everybody who reads a language, so that browsers and proxies may keep it.
        Of what is no channel, and of one that shows no groups, the answer is that there are none.

        :param channel_id: ``im_livechat.channel``.
        :param lang: the language of the page, as pages name it; Odoo's own for whatever else.
        :return: JSON: ``{"lamps": [{"id", "name", "lit", "agents", "state"}], "open", "title"}``;
            ``state``, which names the agents, and ``title`` are words in the page's language.
        """
        # sudo: im_livechat.channel - what its shop lets every page show
        channels = request.env["im_livechat.channel"].sudo()
        answer = {"open": False, "lamps": []}
        if is_record_id(channel_id):
            answer = channels.browse(channel_id)._get_lamps()
        code = channels._find_lang(lang) if is_text(lang, LANGUAGE_LENGTH_MAX) else None
        speak(code)
        lamps = [{**lamp, "state": self._say(request.env, lamp)} for lamp in answer["lamps"]]
        answer = {**answer, "lamps": lamps, "title": request.env._("Chat with us")}
        # Odoo's own JSON response counts characters where it has to say bytes.
        return request.make_response(
            json.dumps(answer),
            headers=[
                ("Content-Type", "application/json; charset=utf-8"),
                # In the language of who asks, where the page names none, it is for nobody else.
                ("Cache-Control", f"{'public' if code else 'private'}, max-age={ANSWER_LASTS}"),
                ("X-Content-Type-Options", "nosniff"),
            ],
        )

    def _say(self, env, lamp):
        """Return in words whether somebody is here, and who, where the shop shows names."""
        here = env._("Here now") if lamp["lit"] else env._("Nobody here now")
        return phrase.label(env, here, phrase.join(env, lamp["agents"])) if lamp["agents"] else here
