import { Client } from './client.js';
import { LoncengBell } from './bell.js';

/**
 * A live inbox, for those who draw their own.
 * @param {import('./options.js').Options} options
 */
export function connect(options) {
  return new Client(options);
}

if (!customElements.get('lonceng-bell')) customElements.define('lonceng-bell', LoncengBell);

export { Client, LoncengBell };
