import { cleanTerm } from "@mail/utils/common/format";

/** So many are offered before a chat's commands. */
const BEFORE_COMMANDS = 5;

/** Whether canned answers of a shop may be at hand in this thread. */
export function mayHaveAnswers(thread) {
    return Boolean(thread?.model === "discuss.channel" && thread.dispatch_transferable);
}

/**
 * The answers whose shortcut begins with a term, then those that have it in the shortcut, then those
 * that have it in their words; each in the order in which the server ranks them.
 */
export function findAnswers(answers, term) {
    const wanted = cleanTerm(term);
    const ranked = [[], [], []];
    for (const answer of answers) {
        const source = cleanTerm(answer.source);
        if (source.startsWith(wanted)) {
            ranked[0].push(answer);
        } else if (source.includes(wanted)) {
            ranked[1].push(answer);
        } else if (cleanTerm(answer.text).includes(wanted)) {
            ranked[2].push(answer);
        }
    }
    return ranked.flat();
}

/** What a composer offers of both, an answer by its text and a command by its help. A command that
 * is written out is meant, unless an answer begins with the same.
 */
export function offerAnswers(answers, commands, term) {
    const meant = commands.filter(({ name }) => name === term);
    if (!meant.length || answers[0]?.source.startsWith(term)) {
        return [...(commands.length ? answers.slice(0, BEFORE_COMMANDS) : answers), ...commands];
    }
    const others = commands.filter((command) => !meant.includes(command));
    return [...meant, ...answers.slice(0, BEFORE_COMMANDS), ...others];
}

/** What core keeps of an answer that is used. */
export function toCannedResponse({ id, source, substitution }) {
    return { id, source, substitution };
}
