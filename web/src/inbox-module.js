/** @typedef {typeof import('./lonceng-inbox.js')} InboxModule */

/**
 * Imports the module with the list and the settings.
 * @param {number} failures  Number of attempts that have failed.
 * @returns {Promise<InboxModule>}
 */
export function importInbox(failures) {
  if (!failures) return import('./lonceng-inbox.js');
  // Browsers remember that a URL has failed.
  return import(new URL(`lonceng-inbox.js?${failures}`, import.meta.url).href);
}
