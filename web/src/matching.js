/** @import { Notification } from './inbox.js' */

/** Statuses of the notifications in the list. */
const LISTED = new Set(['unread', 'read']);

/**
 * Selection of notifications.
 *
 * @typedef {object} Filter
 * @property {'all' | 'unread' | 'snoozed' | 'archived'} tab
 * @property {string} [category]
 * @property {string} [q]  Text in the title or the message.
 */

/**
 * Returns true if a filter selects a notification.
 * @param {Notification} item
 * @param {Filter} filter
 */
export function matches(item, { tab, category, q }) {
  if (tab === 'all' ? !LISTED.has(item.status) : item.status !== tab) return false;
  if (category && item.category !== category) return false;
  return !q || folded(`${item.title}\n${item.message}`).includes(folded(q));
}

/**
 * Folds a text, so that two that differ only in case are equal. Upper case, because `ß` and `ς`
 * have a counterpart there only; the hub does the same.
 * @param {string} text
 */
function folded(text) {
  return text.toLowerCase().toUpperCase();
}
