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
  return !q || `${item.title}\n${item.message}`.toLowerCase().includes(q.toLowerCase());
}
