import { counted, filled } from './messages.js';
import { actionsOf, staysHere } from './actions.js';
import { avatarOf } from './avatar.js';
import { ago, clock } from './time.js';
import { button, element, icon } from './icons.js';
import { safeUrl } from './links.js';
import { messageOf } from './rich.js';

/** @import { Choice } from './host-element.js' */
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
 * @property {(item: Notification, leaving: boolean, choice?: Choice) => boolean} click  Reports a
 *   click. Returns false to stay on the page.
 * @property {(item: Notification) => void} read
 * @property {(item: Notification, opener: HTMLButtonElement) => void} menu
 * @property {(item: Notification) => HTMLElement | null} custom  Returns the slot of a row of the
 *   page's own, if there is one.
 * @property {(item: Notification) => void} toggle  Expands or collapses a thread.
 */

/**
 * Place of a row in the list.
 *
 * @typedef {object} RowPlace
 * @property {string} heading  Day, on the first row of a day.
 * @property {boolean} pictured  True if the rows of the list have pictures.
 * @property {boolean} member  True if the row is below the newest one of its thread.
 * @property {number} others  Number of collapsed rows of the thread.
 * @property {number} unread  Number of unread ones among them.
 * @property {boolean} expanded
 * @property {boolean} titled  False if the category is selected, and need not be said.
 */

/**
 * Returns a row of the list: an article that can be clicked everywhere except on its buttons.
 * @param {Notification} item
 * @param {RowPlace} place
 * @param {number} now
 * @param {RowHost} of
 */
export function rowOf(item, place, now, of) {
  const { words } = of;
  const row = element('article', 'item');
  const id = `n-${item.notification_id}`;
  row.dataset.id = item.notification_id;
  row.tabIndex = 0;
  row.classList.toggle('unread', item.status === 'unread');
  row.classList.toggle('high', item.priority === 'HIGH');
  row.classList.toggle('member', place.member);
  if (place.heading) {
    // Visual only: each article has its own time.
    const group = element('div', 'day', place.heading);
    group.ariaHidden = 'true';
    group.onclick = (event) => event.stopPropagation();
    row.append(group);
  }
  const title = titleOf(item, row, of);
  title.id = `${id}-t`;
  row.setAttribute('aria-labelledby', title.id);
  const own = of.custom(item);
  if (own) {
    title.classList.add('cover');
    row.classList.add('own');
    // The row of the page lies over the link, so that its own controls can be pressed.
    own.onclick = (event) => {
      if (title instanceof HTMLAnchorElement && !isOnControl(event, row)) title.click();
    };
    row.append(title, own, buttons(item, of));
  } else {
    row.setAttribute('aria-describedby', `${id}-d`);
    addContent(row, item, title, place, now, of);
  }
  if (place.others) row.append(threadToggle(item, place, words, of));
  return row;
}

/**
 * @param {HTMLElement} row
 * @param {Notification} item
 * @param {HTMLElement} title
 * @param {RowPlace} place
 * @param {number} now
 * @param {RowHost} of
 */
function addContent(row, item, title, place, now, of) {
  const { words } = of;
  if (place.pictured) {
    row.classList.add('pictured');
    row.append(avatarOf(item));
  }
  if (item.status === 'unread') title.append(element('span', 'said', ` (${words.unread})`));
  if (item.priority === 'HIGH') title.append(element('span', 'said', ` (${words.high})`));
  const meta = element('span', 'meta');
  if (item.count > 1) {
    title.append(element('span', 'said', ` (${counted(words, 'times', item.count)})`));
    const count = element('span', 'count', `×${item.count.toLocaleString(of.language)}`);
    count.ariaHidden = 'true';
    meta.append(count);
  }
  if (item.category && place.titled) {
    const category = element('span', 'category', item.category);
    category.dir = 'auto';
    meta.append(category);
  }
  meta.append(timeOf(item, now, of));
  const text = messageOf(item, (event, url) => {
    event.stopPropagation();
    if (event.button < 2 && !of.click(item, staysHere(event), { url })) event.preventDefault();
  });
  text.id = `n-${item.notification_id}-d`;
  row.append(title, meta, buttons(item, of), text);
  if (item.message.length > LONG) row.append(unfolds(text, words));
  const actions = actionsOf(item, words, (...press) => of.click(...press));
  if (actions) row.append(actions);
}

/**
 * Returns the time of a notification, or the end of its snooze.
 * @param {Notification} item
 * @param {number} now
 * @param {RowHost} of
 */
function timeOf(item, now, { words, language }) {
  const until = item.status === 'snoozed' ? item.snoozed_until : null;
  if (until) {
    const time = clock(new Date(until), language, 'medium');
    return element('span', 'when', filled(words.until, { time }));
  }
  const when = element('time', 'when', ago(item.created_at, language, now));
  when.dateTime = item.created_at;
  when.dir = 'auto';
  return when;
}

/**
 * Returns the title: a link that covers the row, if there is one to follow.
 * @param {Notification} item
 * @param {HTMLElement} row
 * @param {RowHost} of
 */
function titleOf(item, row, of) {
  const url = safeUrl(item.action_url);
  const made = url ? element('a', 'title', item.title) : element('span', 'title', item.title);
  made.dir = 'auto';
  if (!(made instanceof HTMLAnchorElement)) {
    row.onclick = (event) => {
      if (!isOnControl(event, row)) of.click(item, false);
    };
    return made;
  }
  made.href = url ?? '';
  // The row has the focus and handles Enter.
  made.tabIndex = -1;
  made.onclick = made.onauxclick = (event) => {
    if (event.button < 2 && !of.click(item, staysHere(event))) event.preventDefault();
  };
  return made;
}

/**
 * Returns true if a control of a row was pressed, and not the row.
 * @param {MouseEvent} event
 * @param {HTMLElement} row
 */
function isOnControl(event, row) {
  const path = event.composedPath();
  return path
    .slice(0, path.indexOf(row))
    .some((one) => one instanceof Element && one.matches('a, button, input, select, label'));
}

/**
 * @param {Notification} item
 * @param {RowHost} of
 */
function buttons(item, of) {
  const box = element('span', 'buttons');
  // A press on a button does not click the row.
  box.onclick = (event) => event.stopPropagation();
  if (item.status === 'unread') {
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

/**
 * Returns the button that expands a thread.
 * @param {Notification} item
 * @param {RowPlace} place
 * @param {Words} words
 * @param {RowHost} of
 */
function threadToggle(item, { others, unread, expanded }, words, of) {
  const more = counted(words, 'thread', others);
  const more_unread = unread ? ` · ${filled(words.threadUnread, { n: unread })}` : '';
  const text = expanded ? words.threadLess : `${more}${more_unread}`;
  const toggle = button('quiet thread', text, () => of.toggle(item));
  toggle.ariaExpanded = String(expanded);
  toggle.addEventListener('click', (event) => event.stopPropagation());
  return toggle;
}
