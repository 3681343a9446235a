import { canLoadLivechat } from "@im_livechat/embed/common/misc";

import { isOwnChat } from "@im_livechat_subaccount/embed/common/own_chat";
import { browser } from "@web/core/browser/browser";
import { registry } from "@web/core/registry";
import { url } from "@web/core/utils/urls";
import { session } from "@web/session";

export const SELECTOR = ".o_livechat_lamps";

/** In milliseconds: so often a page that somebody looks at asks who is here. */
const EVERY = 15_000;

/** A page of its own that has nothing but a channel's chat. */
const SUPPORT_PAGE = /^\/im_livechat\/support\/\d+$/;

// The lamps take fonts and colours from the page around them, and no other rule of it. They are
// told apart by shape and words as well, not by colour alone.
const STYLE = `
    :host { display: block; }
    ul { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 0; padding: 0; list-style: none; }
    li { max-width: 100%; }
    .lamp {
        display: flex; align-items: center; gap: 0.75rem; box-sizing: border-box; min-height: 44px;
        padding: 0.25rem 0.75rem; border: 1px solid; border-radius: 0.5rem;
        color: inherit; font: inherit; text-decoration: none; overflow-wrap: anywhere;
    }
    a.lamp { cursor: pointer; }
    a.lamp:hover .name { text-decoration: underline; }
    a.lamp:focus-visible { outline: 2px solid; outline-offset: 2px; }
    .light {
        flex: none; box-sizing: border-box; width: 0.8em; height: 0.8em;
        border: 2px solid #6b7280; border-radius: 50%;
    }
    .lit .light { border-color: #15803d; background: #22c55e; box-shadow: 0 0 0.5em #22c55e; }
    .name { display: block; font-weight: bold; }
    .state { display: block; font-size: 0.875em; }
    @media (max-width: 575px) { li { width: 100%; } }
`;

/** Opens this page's chat with a group; not there while the page has no chat. */
let openChat;

/** Return the channel whose lamps are to be shown: the block's own, else the page's. */
function getChannelId(node) {
    const own = Number(node.closest("[data-channel-id]")?.dataset.channelId);
    return own || session.livechatData?.options?.channel_id;
}

function make(tag, className, ...content) {
    const element = document.createElement(tag);
    element.className = className;
    element.append(...content);
    return element;
}

/**
 * @param {number} channelId
 * @param {{id: number, name: string, lit: boolean, state: string}} lamp
 * @param {boolean} isOpen whether there is anything to click for: a chat, a place in line, the pool.
 */
function makeLamp(channelId, { id, name, lit, state }, isOpen) {
    const light = make("span", "light");
    light.setAttribute("aria-hidden", "true");
    const words = make("span", "words", make("span", "name", name), make("span", "state", state));
    const lamp = make(isOpen ? "a" : "span", `lamp ${lit ? "lit" : "dark"}`, light, words);
    if (isOpen) {
        // Where the page has no chat of this channel, there is one.
        lamp.href = url(`/im_livechat/support/${channelId}`, { group: id });
        lamp.target = "_blank";
        lamp.rel = "noopener";
        lamp.addEventListener("click", (event) => {
            if (openChat && channelId === session.livechatData.options.channel_id) {
                event.preventDefault();
                void openChat(id);
            }
        });
    }
    return make("li", "", lamp);
}

/**
 * Show in a node which groups of a channel are there for buyers, and keep it right.
 *
 * @param {HTMLElement} node
 * @param {Object} [options]
 * @param {boolean} [options.isEdited] whether the page is being edited: nothing is to be clicked.
 * @param {string} [options.hint] what is said when there is nothing to show.
 * @returns {() => void} to be called when that is to end.
 */
export function showLamps(node, { isEdited = false, hint = "" } = {}) {
    const root = node.shadowRoot ?? node.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    let hasEnded = false;
    let shown;

    const draw = (channelId, { lamps, open, title }) => {
        const list = make("ul", "", ...lamps.map((lamp) => makeLamp(channelId, lamp, open)));
        list.setAttribute("aria-label", title);
        root.replaceChildren(lamps.length ? list : hint);
    };
    const end = () => {
        hasEnded = true;
        browser.clearInterval(timer);
        document.removeEventListener("visibilitychange", look);
        root.replaceChildren();
    };
    const look = async () => {
        if (!node.isConnected) {
            // A block that was being dragged is gone without a word.
            end();
            return;
        }
        const channelId = getChannelId(node);
        if (!channelId) {
            root.replaceChildren(hint);
            return;
        }
        if (document.visibilityState === "hidden") {
            return;
        }
        const lang = node.closest("[lang]")?.lang;
        let answer;
        try {
            const address = `/im_livechat_subaccount/lamps/${channelId}`;
            answer = await (await browser.fetch(url(address, { lang }))).json();
        } catch {
            // One that is lost is followed by another.
            return;
        }
        // What is as it was stays: somebody may be on it with the keyboard.
        const seen = JSON.stringify(answer);
        if (!hasEnded && seen !== shown) {
            shown = seen;
            draw(channelId, { ...answer, open: answer.open && !isEdited });
        }
    };
    const timer = browser.setInterval(look, EVERY);
    document.addEventListener("visibilitychange", look);
    void look();
    return end;
}

export const lampsService = {
    dependencies: ["im_livechat.livechat", "mail.store"],

    start(env, { "im_livechat.livechat": livechat, "mail.store": store }) {
        if (!canLoadLivechat()) {
            return;
        }
        openChat = async (groupId) => {
            await store.isReady;
            await store.chatHub.initPromise;
            // Who has a chat goes on with it.
            const chat = store.activeLivechats.find(isOwnChat);
            if (chat) {
                await chat.openChatWindow({ focus: true });
            } else {
                await livechat.open({ wished_group_id: groupId });
            }
        };
        const groupId = Number(new URLSearchParams(location.search).get("group"));
        if (groupId && SUPPORT_PAGE.test(location.pathname)) {
            void openChat(groupId);
        }
    },
};

registry.category("services").add("im_livechat_subaccount.lamps", lampsService);
