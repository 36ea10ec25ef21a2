import { element, icon } from './icons.js';
import { safeUrl } from './links.js';

/** @import { Choice } from './host-element.js' */
/** @import { Notification } from './inbox.js' */
/** @import { Words } from './messages.js' */

/** Maximum number of actions of a notification. */
const ACTIONS_MAX = 2;

/**
 * Returns true if a press follows the link in this page, and not in another tab.
 * @param {MouseEvent} event
 */
export function staysHere(event) {
  return !event.metaKey && !event.ctrlKey && !event.shiftKey && event.button === 0;
}

/**
 * Returns the actions of a notification, as links or buttons; null if it has none. The one that the
 * user has chosen has a check mark.
 * @param {Notification} item
 * @param {Words} words
 * @param {(item: Notification, leaving: boolean, choice: Choice) => boolean} click  Reports a
 *   press. Returns false to stay on the page.
 */
export function actionsOf(item, words, click) {
  const actions = (item.actions ?? []).slice(0, ACTIONS_MAX);
  if (actions.length === 0) return null;
  const box = element('span', 'actions');
  // A press on an action does not click the row.
  box.onclick = box.onauxclick = (event) => event.stopPropagation();
  actions.forEach(({ label, url, primary }, index) => {
    const safe = safeUrl(url);
    const made = safe ? element('a', 'action') : element('button', 'action');
    if (made instanceof HTMLAnchorElement) made.href = safe ?? '';
    else made.type = 'button';
    made.dir = 'auto';
    const done = item.clicked_action === index;
    made.classList.toggle('primary', Boolean(primary) && item.clicked_action === undefined);
    made.classList.toggle('done', done);
    if (done) made.append(icon('check'));
    made.append(label);
    if (done) made.append(element('span', 'said', ` (${words.done})`));
    made.onclick = made.onauxclick = (event) => {
      if (event.button > 1) return;
      const leaving = Boolean(safe) && staysHere(event);
      if (!click(item, leaving, { action: index, url: safe })) event.preventDefault();
    };
    // The primary action comes first.
    if (primary) box.prepend(made);
    else box.append(made);
  });
  return box;
}
