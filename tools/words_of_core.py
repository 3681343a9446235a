"""Core's Chinese where it says something else than a shop does, or nothing: on pages of live chat
an agent is 客服 and no 代理, a channel 频道 and no 渠道, a chat 对话 and no 会话, a buyer 买家.

Each text that core shows, as it stands there, with what a shop says instead. A text that core, or
an administrator, words in another way is left as it is.
"""

from lxml import etree

# The attributes of a view's nodes that people read.
_SHOWN = frozenset(
    {"string", "placeholder", "title", "help", "confirm", "alt", "aria-label", "sum", "avg"}
)

#: The models on whose pages these words are said.
MODELS = frozenset(
    {
        "discuss.channel",
        "im_livechat.channel",
        "im_livechat.channel.member.history",
        "im_livechat.channel.rule",
        "im_livechat.conversation.tag",
        "im_livechat.expertise",
        "im_livechat.report.channel",
        "mail.canned.response",
    }
)

#: The models whose fields are shown there.
SHOWN_MODELS = MODELS | {"res.users"}

_CHINESE = {
    # Heads and pages.
    "All Conversations": "全部对话",
    "My Team": "我的团队",
    "Live Chat Channels": "在线客服频道",
    "Looking for Help": "请求支援",
    "No conversations found": "没有对话",
    (
        "Help out by joining requests from teammates, or mark your own conversations as needing"
        " help."
    ): "加入同事的求助来支援，或把自己的对话标记为需要支援。",
    "通过洞察会话活动、响应时间、客户评分和呼叫互动，追踪并改进在线聊天性能。": (
        "从对话量、响应时间、买家评价和通话了解并改进接待。"
    ),
    # A channel.
    "渠道名称": "频道名称",
    "代理": "客服",
    "代理人": "代接客服",
    "可用操作员": "在线客服",
    "操作员": "客服",
    "Sessions": "对话",
    "Happy": "满意",
    "Happy face": "笑脸",
    "Percentage of happy ratings": "满意评价的比例",
    "Ongoing Sessions:": "进行中的对话：",
    "正在进行的对话时段": "进行中的对话",
    "进行中会话数量": "进行中的对话",
    "当前进行中的会话数": "进行中的对话",
    "Livechat 语言": "接待语言",
    "Agents who are inactive in Odoo for more than 30 minutes will be considered disconnected.": (
        "在 Odoo 中超过 30 分钟没有操作的客服视为离线。"
    ),
    "会话限制": "对话上限",
    "每名操作员的会话时段数目": "每名客服的对话数",
    "会话时段数量上限": "对话上限",
    "每名客服人员/操作员，同一时间可处理的对话数目上限。": "每名客服同时接待的对话上限。",
    "若设数量限制，操作员同一时间只可处理指定数量的对话时段。": (
        "若设上限，客服同时只接待这么多对话。"
    ),
    "客户可以和操作员交流的频道的静态网页的链接地址。": "买家可与客服对话的频道网页的链接。",
    "或者，通过电子邮件与客户或供应商共享此 URL：": "或者，把此链接发给买家：",
    "Notification Text": "提示文字",
    "e.g. Need help? Chat with us.": "例如：需要帮助？联系客服。",
    "Button Colors": "按钮颜色",
    "Live Chat Window": "对话窗口",
    "Window Colors": "窗口颜色",
    "Time to Open": "打开时间",
    (
        "To apply the rule only to certain pages of your website, enter a URL regex like /shop."
        " This will match any page that starts with /shop, such as /shop/product. Leave the field"
        " empty to apply the rule to all pages."
    ): (
        "若规则只用于网站的某些页面，请填写网址的正则表达式，例如 /shop，它匹配所有以 /shop 开头的"
        "页面，如 /shop/product。留空则用于所有页面。"
    ),
    (
        "For on-premise databases, GeoIP must be installed on your server to geolocate visitors."
        " Without it, rules that include country restrictions will be ignored."
    ): "自建服务器须安装 GeoIP 才能判断访客所在国家；否则带国家条件的规则不起作用。",
    (
        "本规则仅适用于这些国家。示例：如果您选择“比利时”和“美国”，并将操作设置为“隐藏”，则聊天按钮将对这两个国家的"
        "访问者隐藏在指定URL上。本功能要求在服务器上安装GeoIP。"
    ): (
        "规则只用于这些国家。例如选择“比利时”和“美国”，操作设为“隐藏”，则来自这两个国家的买家在该网址上"
        "看不到按钮。服务器须安装 GeoIP。"
    ),
    (
        "Canned response that will automatically be substituted with longer content in your"
        " messages. Type '::' followed by the name of your shortcut (e.g. ::hello) to use in your"
        " messages."
    ): "快捷短语：输入“::”和短语的名称（例如 ::hello），发送时自动换成完整内容。",
    # Chats and reports of them.
    "客户": "买家",
    "客户（历史）": "买家（历史）",
    "访问者": "买家",
    "代理（历史）": "客服（历史）",
    "代理专业知识": "客服专长",
    "提供的帮助（代理）": "提供支援的客服",
    "请求的帮助（代理）": "请求支援的客服",
    "由操作员处理": "由客服处理",
    "在线聊天渠道": "在线客服频道",
    "会议持续时间（小时）": "对话时长（小时）",
    "用户会话时长（小时）": "对话时长（小时）",
    "时段长度": "对话时长",
    "会话时段结果": "对话结果",
    "聊天会话结果": "对话结果",
    "曾进行通话的对话时段数目": "有通话的对话数",
    "曾进行通话的对话时段（%）": "有通话的对话（%）",
    "每个对话时段的讯息数目": "每个对话的消息数",
    "Country:": "国家：",
    "Expertise:": "专长：",
    "Livechat Expertise": "专长",
    "Live Chat Expertise": "专长",
    "Live Chat Conversation Tags": "对话标签",
    "Tags to qualify the conversation.": "用来给对话分类的标签。",
    "Keep the channel member history": "对话参与记录",
    "专业知识": "专长",
    "My Expertise": "我的专长",
    "My Languages": "我的语言",
    "会话": "对话",
    "我的会话": "我的对话",
    "新会话": "新对话",
    "会话表格": "对话",
    "会话日期": "对话日期",
    "会话开始时间": "对话开始时间",
    "会话开始时间（小时）": "对话开始时间（小时）",
    "会话的开始日期": "对话的开始日期",
    "会话开始的小时数": "对话开始的小时数",
    "剩余会话容量": "还可接待的对话数",
    "客服通话期间将不会接收新会话。": "客服通话期间不会分到新对话。",
    "这是一个自动的 '欢迎' 信息，当访客开始新的会话时会看到。": (
        "买家开始新的对话时自动看到的欢迎语。"
    ),
}

_WORDS = {"zh_CN": _CHINESE}


def find_words(lang):
    """Return ``{what core says: what a shop says}`` in a language; empty for most.

    :param str lang: a language's code, or nothing.
    """
    return _WORDS.get(lang, {})


def replace(lang, text):
    """Return what a shop says instead of a text of core's, mostly the text itself."""
    return find_words(lang).get(text, text)


def replace_in(lang, arch):
    """Return the arch of a view with the words of a shop.

    :param str arch: XML.
    """
    words = find_words(lang)
    if not words:
        return arch
    tree = etree.fromstring(arch)
    for node in tree.iter(etree.Element):
        for name in _SHOWN.intersection(node.attrib):
            node.set(name, words.get(node.get(name), node.get(name)))
        node.text, node.tail = (_replace_between(words, text) for text in (node.text, node.tail))
    return etree.tostring(tree, encoding="unicode")


def _replace_between(words, text):
    stripped = " ".join((text or "").split())
    return text.replace(text.strip(), words[stripped]) if stripped in words else text
