import { courseCard, courses, made, part } from './courses.js';
import { dress, say, translate } from './page.js';
import { answered, arrived, invite, publish } from './trace.js';

/**
 * Person whose bell is shown. A role replaces those that the directory has, so that only the
 * administrator has one here, who needs it.
 *
 * @typedef {{ id: string, login: string, role?: string, kind: 'customer' | 'admin' }} Person
 */

const asked = new URLSearchParams(location.search);

/** With `?user_id=` the page of one user, else both side by side. @type {Person[]} */
const people = asked.get('user_id')
  ? [
      {
        id: asked.get('user_id') ?? '',
        login: asked.get('login') ?? asked.get('user_id') ?? '',
        role: asked.get('role') ?? undefined,
        kind: asked.get('role') === 'admin' ? 'admin' : 'customer',
      },
    ]
  : [
      { id: 'budi', login: 'budi', kind: 'customer' },
      { id: 'admin', login: 'admin', role: 'admin', kind: 'admin' },
    ];

/**
 * @param {Person} person
 * @param {string} what
 */
function eventOf(person, what) {
  const number = Math.random().toString(36).slice(2, 8);
  const other = person.id === 'admin' ? 'budi' : 'admin';
  switch (what) {
    case 'refund':
      return {
        type: 'REFUND_REQUESTED',
        user_id: person.id,
        refund_id: `ref-${number}`,
        order_id: '1042',
        amount: 100000,
      };
    case 'login':
      return {
        type: 'USER_LOGIN',
        user_id: person.id,
        device: browserName(),
        time: new Date().toLocaleTimeString('en', { timeStyle: 'short' }),
      };
    case 'note':
      return { type: 'NOTE_CREATED', user_id: person.id, title: `Shopping list ${number}` };
    case 'typo':
      return { type: 'NOTE_CREATD', user_id: person.id, title: 'Shopping list' };
    default:
      return {
        type: 'NOTE_SHARED',
        actor_id: person.id,
        recipient_id: other,
        title: 'Shopping list',
      };
  }
}

/** Message with two answers, whose outcome is recorded. */
const INVITATION = {
  target: { id: 'budi', login: 'budi' },
  title: 'Recital on Friday',
  message: 'Rina invites you to her recital. Will you come?',
  category: 'Invitations',
  actions: [
    { label: 'Accept', url: '/?answer=accept', primary: true },
    { label: 'Decline', url: '/?answer=decline' },
  ],
};

function browserName() {
  const known = ['Firefox', 'Edg', 'Chrome', 'Safari'].find((name) =>
    navigator.userAgent.includes(name),
  );
  return known === 'Edg' ? 'Edge' : (known ?? 'a browser');
}

/**
 * Returns a button that decides a refund.
 * @param {HTMLElement} desk
 * @param {HTMLElement} row
 * @param {{ label: string, done: string, event: object }} decision
 */
function decisionButton(desk, row, { label, done, event }) {
  const button = document.createElement('button');
  button.type = 'button';
  say(button, label);
  if (label === 'Approve') button.className = 'primary';
  button.onclick = async () => {
    await publish(part(desk, '.trace'), { ...event, user_id: 'budi', actor_id: 'admin' });
    const said = document.createElement('span');
    said.className = `done ${done.toLowerCase()}`;
    say(said, done);
    for (const other of row.querySelectorAll('button')) other.remove();
    row.append(said);
  };
  return button;
}

/**
 * @param {HTMLElement} desk
 * @param {any} notification
 */
function addRefund(desk, notification) {
  const { refund_id: id, amount } = notification.metadata;
  if (document.getElementById(`refund-${id}`)) return;
  part(desk, '.nothing').hidden = true;
  const row = document.createElement('li');
  row.id = `refund-${id}`;
  row.tabIndex = -1;
  const text = document.createElement('strong');
  const small = document.createElement('small');
  small.textContent = id;
  text.append(`Rp${Number(amount).toLocaleString('id-ID')}`, small);
  const approved = { type: 'REFUND_APPROVED', refund_id: id };
  const rejected = {
    type: 'REFUND_REJECTED',
    refund_id: id,
    reason: 'The lesson has taken place',
  };
  row.append(
    text,
    decisionButton(desk, row, { label: 'Approve', done: 'Approved', event: approved }),
    decisionButton(desk, row, { label: 'Reject', done: 'Rejected', event: rejected }),
  );
  part(desk, '.refunds').prepend(row);
}

/**
 * The page shows refunds itself, so links do not leave it.
 * @param {Event} event
 */
function showRefund(event) {
  const { detail } = /** @type {CustomEvent} */ (event);
  const desk = /** @type {HTMLElement | null} */ (document.querySelector('.desk:has(.refunds)'));
  if (detail.entity_type !== 'refund' || !desk) return;
  event.preventDefault();
  addRefund(desk, detail);
  const row = document.getElementById(`refund-${detail.entity_id}`);
  for (const other of desk.querySelectorAll('.shown')) other.classList.remove('shown');
  row?.classList.add('shown');
  row?.focus();
}

/**
 * The page shows the answer itself.
 * @param {Person} person
 * @param {Event} event
 */
function showAnswer(person, event) {
  const { detail, action } = /** @type {CustomEvent & { action?: number }} */ (event);
  if (action === undefined) return;
  event.preventDefault();
  answered(person.login, detail.type_code, detail.actions[action].label);
}

/**
 * @param {Element} element
 * @param {Person} person
 */
function identify(element, person) {
  element.setAttribute('user-id', person.id);
  element.setAttribute('login', person.login);
  if (person.role) element.setAttribute('user-role', person.role);
}

/**
 * @param {HTMLElement} bell
 * @param {Person} person
 */
function placeToasts(bell, person) {
  // Two bells on one page have separate corners for their toasts.
  if (people.length < 2) return;
  const narrow = matchMedia('(max-width: 48rem)').matches;
  const ofAdmin = narrow ? 'top-end' : 'bottom-end';
  bell.setAttribute('toast-position', person.kind === 'customer' ? 'bottom-start' : ofAdmin);
}

/** @param {Person} person */
function deskOf(person) {
  const desk = made('desk');
  desk.dataset.person = person.id;
  part(desk, '.avatar').textContent = person.login.slice(0, 1);
  part(desk, 'h2').textContent = person.login;
  say(part(desk, '.who span'), person.kind === 'admin' ? 'Administrator' : 'Customer');
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById(person.kind));
  part(desk, '.body').append(template.content.cloneNode(true));
  const trace = part(desk, '.trace');
  invite(trace);
  desk.addEventListener('click', (event) => {
    const what = event.target instanceof HTMLElement ? event.target.dataset.do : undefined;
    if (what === 'invite') void publish(trace, INVITATION, '/api/v1/notify');
    else if (what) void publish(trace, eventOf(person, what));
  });
  const bell = part(desk, 'lonceng-bell');
  bell.addEventListener('lonceng:action', (event) => showAnswer(person, event));
  bell.addEventListener('lonceng:notification', (event) => {
    const { detail } = /** @type {CustomEvent} */ (event);
    arrived(person.login, detail);
    if (person.kind === 'admin' && detail.type_code === 'REFUND_REQUESTED') addRefund(desk, detail);
  });
  placeToasts(bell, person);
  identify(bell, person);
  return desk;
}

/** Shows the inbox of a person as a page, and lets the reader choose whose. */
function inboxSection() {
  const section = /** @type {HTMLElement} */ (document.getElementById('inbox-page'));
  const buttons = /** @type {NodeListOf<HTMLElement>} */ (section.querySelectorAll('[data-inbox]'));
  const show = (/** @type {string | undefined} */ id) => {
    const person = people.find((one) => one.id === id);
    if (!person) return;
    const inbox = document.createElement('lonceng-inbox');
    inbox.addEventListener('lonceng:action', (event) => showAnswer(person, event));
    identify(inbox, person);
    part(section, '.inbox-frame').replaceChildren(inbox);
    dress(section);
    for (const button of buttons)
      button.setAttribute('aria-pressed', String(button.dataset.inbox === id));
  };
  for (const button of buttons) button.onclick = () => show(button.dataset.inbox);
  show('budi');
  section.hidden = false;
}

/** Shows the free seats of courses, and the event of each booking, if the hub has the feed. */
async function feedSection() {
  const { status } = await fetch('/api/v1/feeds/availability', { method: 'HEAD' });
  if (status === 404) return;
  const section = /** @type {HTMLElement} */ (document.getElementById('live'));
  const trace = part(section, '.trace');
  invite(trace);
  const book = (/** @type {object} */ event) => void publish(trace, event);
  for (const course of courses) part(section, '.courses').append(courseCard('sari', course, book));
  translate(section);
  section.hidden = false;
}

document.getElementById('desks')?.append(...people.map(deskOf));
document.addEventListener('lonceng:action', showRefund);
document.documentElement.classList.toggle('alone', people.length === 1);
if (people.length > 1) {
  inboxSection();
  void feedSection();
}
translate(document);
dress(document);
