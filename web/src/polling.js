// Exchanges with the hub over HTTP, while there is no WebSocket.

import { PendingMarks } from './pending-marks.js';

/** @import { InboxApi } from './inbox-api.js' */
/** @import { MarkMessage } from './pending-marks.js' */

/**
 * Sends marks, until the hub is away.
 * @param {InboxApi} api
 * @param {MarkMessage[]} marks
 * @param {(key: string, isRefused: boolean) => boolean} done  Called after each mark that the hub
 *   has stored or refused. Returns false to end.
 */
export async function sendMarks(api, marks, done) {
  for (const mark of marks) {
    let isRefused = false;
    try {
      await api.mark(mark);
    } catch (error) {
      const { status } = /** @type {{ status?: number }} */ (error);
      isRefused = status === 400 || status === 404;
      if (!isRefused) return;
    }
    if (!done(PendingMarks.key(mark), isRefused)) return;
  }
}

/**
 * Requests changes, page by page.
 * @param {InboxApi} api
 * @param {string | null} position  EPOCH.REVISION
 * @param {(page: any) => boolean} take  Called with each page. Returns false to end.
 */
export async function requestChanges(api, position, take) {
  let since = position ?? '0';
  for (let more = true; more;) {
    const page = await api.changes(since);
    if (!take(page)) return;
    more = Boolean(page.next_cursor);
    since = `${page.epoch}.${page.revision}`;
  }
}
