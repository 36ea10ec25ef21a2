/** @import { Notification } from './inbox.js' */

/**
 * Effect of a message from the hub.
 *
 * @typedef {object} Effect
 * @property {Notification} [fresh]  Notification to announce: new, back from a snooze, or grown by
 *   another event of its group.
 * @property {boolean} [gap]  True if earlier changes are missing and must be requested.
 */

/**
 * @typedef {{epoch: string, revision: number, since?: number, unread: number, unseen: number,
 *   items: Notification[], raised?: [string, number][]}} Snapshot
 */

export {};
