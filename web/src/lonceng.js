import { Client } from './client.js';
import { Feed, LoncengFeed } from './feed.js';
import { LoncengBell } from './bell.js';

/** @import { Options } from './options.js' */
/** @import { FeedOptions } from './feed.js' */

/** @typedef {import('./inbox.js').Notification} Notification */
/** @typedef {import('./inbox-api.js').Preferences} Preferences */
/** @typedef {import('./inbox-api.js').Tab} Tab */
/** @typedef {import('./link.js').Status} Status */
/** @typedef {import('./feed.js').FeedMessage} FeedMessage */

/**
 * Connects to a user's inbox, for pages with their own user interface.
 * @param {Options} options
 */
export function connect(options) {
  return new Client(options);
}

/**
 * Connects to a live feed, for pages with their own user interface.
 * @param {FeedOptions} options
 */
export function connectFeed(options) {
  return new Feed(options);
}

if (!customElements.get('lonceng-feed')) customElements.define('lonceng-feed', LoncengFeed);
if (!customElements.get('lonceng-bell')) customElements.define('lonceng-bell', LoncengBell);

export { Client, Feed, LoncengBell, LoncengFeed };
