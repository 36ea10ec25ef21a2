import { activity } from './activity.js';
import { audit } from './audit.js';
import { clients } from './clients.js';
import { configuration } from './configuration.js';
import { deadLetters } from './dead-letters.js';
import { deliveries } from './deliveries.js';
import { directory } from './directory.js';
import { explain } from './explain.js';
import { inbox } from './inbox.js';
import { overview } from './overview.js';
import { send } from './send.js';
import { newType, types } from './types.js';

/**
 * Renders a page. Returns a function that ends it, if needed.
 *
 * @typedef {(place: HTMLElement) => Promise<void | (() => void)>} Show
 */

/**
 * Page of the console.
 *
 * @typedef {object} Page
 * @property {string} name  English name, translated where it is shown.
 * @property {Show} show
 * @property {string} [under]  ID of the page in the side bar that it belongs to.
 */

/** Pages by the first part of the address behind `#`. @type {Record<string, Page>} */
export const PAGES = {
  overview: { name: 'Overview', show: overview },
  activity: { name: 'Activity', show: activity },
  inbox: { name: 'Inbox of a user', show: inbox },
  explain: { name: 'Explain', show: explain },
  'dead-letters': { name: 'Dead letters', show: deadLetters },
  deliveries: { name: 'Deliveries', show: deliveries },
  types: { name: 'Types', show: types },
  'new-type': { name: 'New type', show: newType, under: 'types' },
  send: { name: 'Send', show: send },
  clients: { name: 'Clients', show: clients },
  directory: { name: 'Directory', show: directory },
  configuration: { name: 'Configuration', show: configuration },
  audit: { name: 'Audit', show: audit },
};

/** Groups of the side bar. @type {Array<[string, string[]]>} */
export const GROUPS = [
  ['Monitor', ['overview', 'activity', 'inbox', 'explain', 'dead-letters', 'deliveries']],
  ['Content', ['types', 'send']],
  ['People', ['clients', 'directory']],
  ['System', ['configuration', 'audit']],
];
