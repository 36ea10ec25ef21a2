import { say } from './page.js';

/**
 * Publication whose notifications are awaited.
 * @typedef {object} Publication
 * @property {string} type
 * @property {number} at  Time of the request.
 * @property {HTMLElement} list
 */

/** Newest publications, the newest first. @type {Publication[]} */
const publications = [];

/** Maximum number of publications whose notifications are awaited. */
const AWAITED = 20;

/**
 * @param {string} tag
 * @param {string} [text]  Not translated.
 */
function made(tag, text = '') {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

/** Type of what is sent without one. */
const DEFAULT_TYPE = 'MESSAGE';

/** @param {any} event */
const typeOf = (event) => event.type ?? event.topic ?? DEFAULT_TYPE;

/**
 * Publishes an event, as any service would, and shows the request, the result and the
 * notifications that arrive in a bell of this page.
 * @param {HTMLElement} place
 * @param {object} event
 * @param {string} [path]
 */
export async function publish(place, event, path = '/api/v1/events') {
  const list = made('ol');
  const request = made('li');
  const body = made('pre', JSON.stringify(event, null, 2));
  body.tabIndex = 0;
  request.append(made('strong', `POST ${path}`), body);
  list.append(request);
  const heading = made('h3');
  say(heading, 'What happened');
  place.replaceChildren(heading, list);
  publications.unshift({ type: typeOf(event), at: performance.now(), list });
  publications.length = Math.min(publications.length, AWAITED);
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(event),
  });
  const answer = await response.json();
  // A notification may have arrived before the response.
  request.after(result(response.status, answer));
}

/**
 * @param {number} status
 * @param {any} answer
 */
function result(status, answer) {
  const line = made('li');
  const [first] = answer.results ?? [];
  if (!first) {
    line.append(made('strong', String(status)), ' ', answer.detail ?? '');
    return line;
  }
  // A message to somebody has no outcome: it has been taken.
  const { outcome = 'accepted', notifications = Number(Boolean(first.notification_id)) } = first;
  const told = made('span');
  if (first.reason) told.textContent = first.reason;
  else say(told, 'Notifications: {n}', { n: notifications });
  line.className = outcome;
  line.append(made('strong', `${status} ${outcome}`), ' ', told);
  return line;
}

/**
 * Shows a notification under the event that caused it.
 * @param {string} person
 * @param {{ type_code: string, title: string, message: string }} notification
 */
export function arrived(person, notification) {
  const cause = publications.find(({ type }) => type === notification.type_code);
  if (!cause) return;
  const line = made('li');
  line.className = 'arrived';
  const when = made('strong');
  const time = Math.round(performance.now() - cause.at);
  say(when, 'In the bell of {person}, after {time} ms', { person, time });
  line.append(when, made('span', `${notification.title}: ${notification.message}`));
  cause.list.append(line);
}

/**
 * Shows which action of a notification its reader has chosen.
 * @param {string} person
 * @param {string} type
 * @param {string} label
 */
export function answered(person, type, label) {
  const cause = publications.find((one) => one.type === type);
  if (!cause) return;
  const line = made('li');
  line.className = 'arrived';
  const choice = made('strong');
  say(choice, '{person} chose “{label}”', { person, label });
  line.append(choice);
  cause.list.append(line);
}

/**
 * Says that the trace of a place appears there.
 * @param {HTMLElement} place
 */
export function invite(place) {
  const hint = made('p');
  hint.className = 'muted';
  say(hint, 'Press a button: the event and what came of it appear here.');
  place.replaceChildren(hint);
}
