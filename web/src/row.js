import { counted, filled } from './messages.js';
import { ago } from './time.js';
import { button, element, icon } from './icons.js';
import { safeUrl } from './links.js';

/** @import { Notification } from './inbox.js' */
/** @import { Words } from './messages.js' */

/** Length from which a message is collapsed to three lines, in characters. */
const LONG = 160;

/**
 * Interface from a row to its list.
 *
 * @typedef {object} RowHost
 * @property {Words} words
 * @property {string} language
 * @property {(item: Notification, leaving: boolean) => boolean} click  Reports a click. Returns
 *   false to stay on the page.
 * @property {(item: Notification) => void} read
 * @property {(item: Notification, opener: HTMLButtonElement) => void} menu
 */

/**
 * Returns a row of the list: an article that can be clicked everywhere except on its buttons.
 * @param {Notification} item
 * @param {string} heading  Day, on the first row of a day.
 * @param {number} now
 * @param {RowHost} of
 */
export function rowOf(item, heading, now, of) {
  const { words } = of;
  const unread = item.status === 'unread';
  const row = element('article', 'item');
  const id = `n-${item.notification_id}`;
  row.dataset.id = item.notification_id;
  row.tabIndex = 0;
  row.setAttribute('aria-labelledby', `${id}-t`);
  row.setAttribute('aria-describedby', `${id}-d`);
  row.classList.toggle('unread', unread);
  row.classList.toggle('high', item.priority === 'HIGH');
  if (heading) {
    // Visual only: each article has its own time.
    const group = element('div', 'day', heading);
    group.ariaHidden = 'true';
    group.onclick = (event) => event.stopPropagation();
    row.append(group);
  }
  const title = titleOf(item, row, of);
  title.id = `${id}-t`;
  if (unread) title.append(element('span', 'said', ` (${words.unread})`));
  if (item.priority === 'HIGH') title.append(element('span', 'said', ` (${words.high})`));
  const meta = element('span', 'meta');
  if (item.count > 1) {
    title.append(element('span', 'said', ` (${counted(words, 'times', item.count)})`));
    const count = element('span', 'count', `×${item.count.toLocaleString(of.language)}`);
    count.ariaHidden = 'true';
    meta.append(count);
  }
  const when = element('time', 'when', ago(item.created_at, of.language, now));
  when.dateTime = item.created_at;
  const text = element('span', 'text', item.message);
  text.id = `${id}-d`;
  title.dir = text.dir = 'auto';
  meta.append(when);
  row.append(title, meta, buttons(item, unread, of), text);
  if (item.message.length > LONG) row.append(unfolds(text, words));
  return row;
}

/**
 * Returns the title: a link that covers the row, if there is one to follow.
 * @param {Notification} item
 * @param {HTMLElement} row
 * @param {RowHost} of
 */
function titleOf(item, row, of) {
  const url = safeUrl(item.action_url);
  if (!url) {
    row.onclick = () => void of.click(item, false);
    return element('span', 'title', item.title);
  }
  const link = element('a', 'title', item.title);
  link.href = url;
  // The row has the focus and handles Enter.
  link.tabIndex = -1;
  link.onclick = link.onauxclick = (event) => {
    const here = !event.metaKey && !event.ctrlKey && !event.shiftKey && event.button === 0;
    if (event.button < 2 && !of.click(item, here)) event.preventDefault();
  };
  return link;
}

/**
 * @param {Notification} item
 * @param {boolean} unread
 * @param {RowHost} of
 */
function buttons(item, unread, of) {
  const box = element('span', 'buttons');
  // A press on a button does not click the row.
  box.onclick = (event) => event.stopPropagation();
  if (unread) {
    const read = button('tick', '', () => of.read(item));
    read.append(icon('check'));
    read.ariaLabel = read.title = of.words.markRead;
    box.append(read);
  }
  const more = button('more', '', () => of.menu(item, more));
  more.append(icon('dots'));
  more.ariaLabel = filled(of.words.menu, { title: item.title });
  more.ariaHasPopup = 'menu';
  more.ariaExpanded = 'false';
  box.append(more);
  return box;
}

/**
 * @param {HTMLElement} text
 * @param {Words} words
 */
function unfolds(text, words) {
  const toggle = button('quiet unfold', words.showMore, () => {
    const whole = text.classList.toggle('whole');
    toggle.textContent = whole ? words.showLess : words.showMore;
    toggle.ariaExpanded = String(whole);
  });
  toggle.ariaExpanded = 'false';
  toggle.addEventListener('click', (event) => event.stopPropagation());
  return toggle;
}
