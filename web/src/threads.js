/** @import { Notification } from './inbox.js' */

/** Number of notifications about one entity from which they are collapsed. */
const THREAD_MIN = 3;

/**
 * Notification of the list, with older ones about the same entity.
 *
 * @typedef {object} Thread
 * @property {Notification} item  The newest.
 * @property {Notification[]} others  Empty if nothing is collapsed.
 */

/**
 * Groups notifications about the same entity under the newest one; two are listed as they are.
 * @param {Notification[]} items  Newest first.
 * @returns {Thread[]}
 */
export function threadsOf(items) {
  /** @type {Map<string, Notification[]>} */
  const byEntity = new Map();
  for (const item of items) {
    const key = entityOf(item);
    if (!key) continue;
    const known = byEntity.get(key);
    if (known) known.push(item);
    else byEntity.set(key, [item]);
  }
  /** @type {Thread[]} */
  const threads = [];
  for (const item of items) {
    const all = byEntity.get(entityOf(item)) ?? [];
    if (all.length < THREAD_MIN) threads.push({ item, others: [] });
    else if (all[0] === item) threads.push({ item, others: all.slice(1) });
  }
  return threads;
}

/**
 * Returns the key of the entity that a notification is about; empty if it is about none.
 * @param {Notification} item
 */
export function entityOf({ entity_type: type, entity_id: id }) {
  return type && id ? JSON.stringify([type, id]) : '';
}
