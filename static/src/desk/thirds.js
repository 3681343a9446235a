const SECOND = 1000;

const COLORS = [
    "o_livechat_third_1 bg-success-subtle text-success-emphasis",
    "o_livechat_third_2 text-bg-warning",
    "o_livechat_third_3 text-bg-danger",
];

/**
 * In which third of its limit a wait is: 0, 1 or 2; without a limit there is but one.
 *
 * @param {number} waited milliseconds
 * @param {number} limit seconds, 0 for none
 */
export function getThird(waited, limit) {
    return limit ? Math.min(2, Math.max(0, Math.floor((3 * waited) / (limit * SECOND)))) : 0;
}

/** The classes by which that third is seen; neutral without a limit. */
export function getThirdClass(waited, limit) {
    return limit ? COLORS[getThird(waited, limit)] : "text-bg-light border";
}
