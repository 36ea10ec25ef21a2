/** @import { Status } from './link.js' */
/** @import { Words } from './messages.js' */

/**
 * Returns the sentence about a connection that is not online; empty while there is nothing to say.
 * @param {Status} status
 * @param {Words} words
 */
export function statusText(status, { offline, unauthorized, forbidden }) {
  /** @type {Record<string, string>} */
  const texts = { offline, unauthorized, forbidden };
  return texts[status] ?? '';
}
