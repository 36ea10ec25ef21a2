import { Client } from './client.js';
import { Feed, LoncengFeed } from './feed.js';
import { LoncengBell } from './bell.js';
import { LoncengInbox, LoncengPreferences } from './inbox-elements.js';
import { LoncengToasts } from './toasting-element.js';

/** @import { Options } from './options.js' */
/** @import { FeedOptions } from './feed.js' */

/** @typedef {import('./inbox.js').Notification} Notification */
/** @typedef {import('./inbox.js').Action} Action */
/** @typedef {import('./matching.js').Filter} Filter */
/** @typedef {import('./inbox-api.js').Preferences} Preferences */
/** @typedef {import('./inbox-api.js').Tab} Tab */
/** @typedef {import('./link.js').Status} Status */
/** @typedef {import('./feed.js').FeedMessage} FeedMessage */
/** @typedef {import('./inbox-elements.js').RenderItem} RenderItem */

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

for (const [name, element] of /** @type {[string, CustomElementConstructor][]} */ ([
  ['lonceng-feed', LoncengFeed],
  ['lonceng-bell', LoncengBell],
  ['lonceng-toasts', LoncengToasts],
  ['lonceng-inbox', LoncengInbox],
  ['lonceng-preferences', LoncengPreferences],
])) {
  if (!customElements.get(name)) customElements.define(name, element);
}

export { Client, Feed, LoncengBell, LoncengFeed, LoncengInbox, LoncengPreferences, LoncengToasts };
