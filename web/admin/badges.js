import { h } from './dom.js';
import { t } from './translations.js';

/** Shades of outcomes and states, the same on every page. @type {Record<string, string>} */
const SHADES = {
  accepted: 'good',
  sent: 'good',
  ok: 'good',
  skipped: 'warn',
  rejected: 'bad',
  failed: 'bad',
  degraded: 'bad',
  unread: 'changed',
};

/** Names of the states of a notification. @type {Record<string, string>} */
const NAMES = {
  unread: 'unread',
  read: 'read',
  snoozed: 'snoozed',
  archived: 'archived',
  deleted: 'deleted',
  auto_cleared: 'expired',
};

/**
 * Returns the badge of an outcome of an event, of a state of a delivery or of a notification.
 * @param {string} word
 */
export function badge(word) {
  return h('span', { class: `badge ${SHADES[word] ?? ''}` }, t(NAMES[word] ?? word));
}
