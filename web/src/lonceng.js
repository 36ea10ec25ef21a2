import { Client } from './client.js';
import { Feed, LoncengFeed } from './feed.js';
import { LoncengBell } from './bell.js';

/**
 * A live inbox, for those who draw their own.
 * @param {import('./options.js').Options} options
 */
export function connect(options) {
  return new Client(options);
}

/**
 * A live feed, for those who draw it themselves.
 * @param {import('./feed.js').FeedOptions} options
 */
export function connectFeed(options) {
  return new Feed(options);
}

if (!customElements.get('lonceng-feed')) customElements.define('lonceng-feed', LoncengFeed);
if (!customElements.get('lonceng-bell')) customElements.define('lonceng-bell', LoncengBell);

export { Client, Feed, LoncengBell, LoncengFeed };
