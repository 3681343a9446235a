import { _t } from "@web/core/l10n/translation";
import { user } from "@web/core/user";

const NAMES_MAX = 3;

/**
 * Names, or short parts of a sentence, as one text in the reader's language: "A, B, C" or "A、B、C".
 *
 * @param {string[]} parts
 */
export function joinParts(parts) {
    return new Intl.ListFormat(user.lang || "en-US", { style: "narrow" }).format(parts);
}

/** Names as one text, the first few of many. */
export function joinNames(names) {
    return names.length > NAMES_MAX
        ? _t("%(names)s and others, %(count)s in all", {
              names: joinParts(names.slice(0, NAMES_MAX)),
              count: names.length,
          })
        : joinParts(names);
}

/** A name with what it is about: "Transfer: Mia Buyer". */
export function label(name, value) {
    return _t("%(name)s: %(value)s", { name, value });
}
