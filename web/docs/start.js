import { codeBlock, h, paragraphs } from './dom.js';
import { identity, onIdentity } from './identity.js';
import { RequestPanel } from './request-panel.js';

/** Returns the event of the quick start, for the reader. */
const firstEvent = () => ({
  type: 'NOTE_CREATED',
  user_id: (identity().kind === 'dev' && identity().user) || 'budi',
  title: 'Hello from the documentation',
});

/** Bell of the reader, which is connected on request. */
class LiveBell {
  constructor() {
    this.place = h('div', { class: 'bell-place' });
    this.hint = h('p', { class: 'hint' });
    this.button = h(
      'button',
      { type: 'button', onclick: () => void this.connect() },
      'Connect a bell',
    );
    this.element = h('div', { class: 'live-bell' }, this.place, this.button, this.hint);
    onIdentity(() => this.clear());
    this.clear();
  }

  clear() {
    const { kind, user } = identity();
    this.place.replaceChildren();
    this.button.hidden = false;
    this.button.disabled = kind === 'none' || (kind === 'dev' && !user);
    this.hint.textContent = this.button.disabled
      ? 'Choose a user at the top of the page first: a bell belongs to somebody.'
      : `It is the bell of ${kind === 'dev' ? user : 'the user of your token'}.`;
  }

  async connect() {
    if (this.place.childNodes.length || this.button.disabled) return;
    await import('/lonceng.js');
    const { kind, user, login, role, token } = identity();
    const bell = document.createElement('lonceng-bell');
    const attributes = kind === 'token' ? { token } : { 'user-id': user, login, 'user-role': role };
    for (const [name, value] of Object.entries(attributes))
      if (value) bell.setAttribute(name, value);
    this.place.replaceChildren(bell);
    this.button.hidden = true;
  }
}

/**
 * @param {number} number
 * @param {string} title
 * @param {...import('./dom.js').Child} parts
 */
const step = (number, title, ...parts) =>
  h('section', { class: 'step' }, h('h3', {}, `${number}. ${title}`), ...parts);

/**
 * Returns the quick start.
 * @param {import('./model.js').Model} model
 * @returns {HTMLElement[]}
 */
export function quickStart(model) {
  const publish = model.operations.find((one) => one.it.operationId === 'publish_events');
  const bell = new LiveBell();
  const options = { body: firstEvent, onSuccess: () => void bell.connect() };
  const origin = location.origin;
  return [
    ...paragraphs(model.http.info.description.split('\n\n')[0]),
    step(
      1,
      'Publish an event',
      h('p', {}, 'The type decides who is told, and in which words.'),
      publish && new RequestPanel(model.http, publish, options).element,
    ),
    step(
      2,
      'See it arrive',
      h(
        'p',
        {},
        'Connect a bell, then send the request above again: the badge counts, and a toast appears.',
      ),
      bell.element,
    ),
    step(
      3,
      'Put the bell on your page',
      codeBlock(
        'the bell in HTML',
        [
          `<script type="module" src="${origin}/lonceng.js"></script>`,
          '<lonceng-bell token="…"></lonceng-bell>',
        ].join('\n'),
      ),
      h(
        'p',
        {},
        'The token is a short-lived JWT that your backend signs. ',
        'Pages of other origins are named in ',
        h('code', {}, 'server.allowed_origins'),
        '. Next: ',
        h('a', { href: '#inbox' }, 'the inbox over HTTP'),
        ', ',
        h('a', { href: '#websocket' }, 'the WebSocket'),
        ', ',
        h('a', { href: '#feeds' }, 'live feeds'),
        '.',
      ),
    ),
    h('section', { class: 'step' }, h('h3', {}, 'In general'), ...paragraphs(general(model))),
  ];
}

/** @param {import('./model.js').Model} model */
const general = (model) => model.http.info.description.split('\n\n').slice(1).join('\n\n');
