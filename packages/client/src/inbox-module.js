// In the place of web/src/inbox-module.js: bundlers follow only a literal path.

/** Imports the module with the list and the settings. */
export function importInbox() {
  return import('../../../web/src/lonceng-inbox.js');
}
