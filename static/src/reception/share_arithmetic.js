/**
 * What a weight means, as the server reckons it: `dispatch/policy.py` (capacity) and
 * `dispatch/credit.py` (share). A test compares both for every weight there is.
 */

/**
 * How many chats an agent of this weight may have at the same time.
 *
 * @param {number|null} maxSessions chats at weight 100; null for no limit
 * @param {number} weight
 * @returns {number|null} at least 1, null for no limit; halves round to even, as Python rounds
 */
export function getCapacity(maxSessions, weight) {
    if (!maxSessions) {
        return null;
    }
    const hundredths = maxSessions * weight;
    const whole = Math.floor(hundredths / 100);
    const rest = hundredths % 100;
    const roundsUp = rest > 50 || (rest === 50 && whole % 2 === 1);
    return Math.max(1, whole + (roundsUp ? 1 : 0));
}

/** The part of a group's new buyers that goes to a weight out of this sum, from 0 to 1. */
export function getShare(weight, totalWeight) {
    return totalWeight ? weight / totalWeight : 0;
}

/** The whole number in a text, null when there is none within the limits. */
export function parseWeight(text, { min, max }) {
    const trimmed = `${text}`.trim();
    const weight = Number(trimmed);
    return /^\d+$/.test(trimmed) && weight >= min && weight <= max ? weight : null;
}

/** The weight so many steps away, within the limits. */
export function stepWeight(weight, step, { min, max }) {
    return Math.min(max, Math.max(min, weight + step));
}
