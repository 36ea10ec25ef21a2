import { NotAllowed, enter, isSignedIn, signIn, signOut } from './api.js';
import { button, field, h, announce } from './dom.js';
import { audit, configuration } from './configuration.js';
import { clients } from './clients.js';
import { deadLetters } from './dead-letters.js';
import { deliveries } from './deliveries.js';
import { directory } from './directory.js';
import { explain } from './explain.js';
import { inbox } from './inbox.js';
import { overview } from './overview.js';
import { send } from './send.js';
import { types } from './types.js';
import { LANGUAGES, chooseLanguage, language, t } from './translations.js';

/**
 * Renders a page. Returns a function that ends it, if needed.
 *
 * @typedef {(place: HTMLElement) => Promise<void | (() => void)>} Page
 */

/** @type {Record<string, { name: string, show: Page }>} */
const pages = {
  overview: { name: 'Overview', show: overview },
  types: { name: 'Types', show: types },
  clients: { name: 'Clients', show: clients },
  send: { name: 'Send', show: send },
  inbox: { name: 'Inbox', show: inbox },
  explain: { name: 'Explain', show: explain },
  deliveries: { name: 'Deliveries', show: deliveries },
  'dead-letters': { name: 'Dead letters', show: deadLetters },
  directory: { name: 'Directory', show: directory },
  configuration: { name: 'Configuration', show: configuration },
  audit: { name: 'Audit', show: audit },
};

const nav = /** @type {HTMLElement} */ (document.querySelector('nav'));
const place = /** @type {HTMLElement} */ (document.getElementById('page'));

/** @type {void | (() => void)} */
let end;
/** Only the last requested page is shown. */
let asked = 0;

function drawNav(current = '') {
  const links = Object.entries(pages).map(([id, { name }]) =>
    h('a', { href: `#${id}`, 'aria-current': id === current ? 'page' : undefined }, t(name)),
  );
  const out =
    isSignedIn() &&
    h(
      'button',
      {
        type: 'button',
        class: 'quiet',
        onclick: () => {
          signOut();
          void open();
        },
      },
      t('Sign out'),
    );
  const languages = Object.entries(LANGUAGES)
    .filter(([code]) => code !== language)
    .map(([code, { name }]) => button(name, () => switchTo(code), { class: 'quiet', lang: code }));
  nav.replaceChildren(...links, ...languages, ...(out ? [out] : []));
}

/** @param {string} code */
function switchTo(code) {
  chooseLanguage(code);
  location.reload();
}

async function open() {
  const id = location.hash.slice(1).split('/')[0] || 'overview';
  const page = pages[id] ?? pages.overview;
  const mine = ++asked;
  end?.();
  end = undefined;
  drawNav(pages[id] ? id : 'overview');
  document.title = `${t(page.name)} – Lonceng`;
  const own = h('div', { class: 'page' }, h('h1', {}, t(page.name)));
  try {
    // Checked first, so that no partial page is shown.
    await enter();
    if (mine !== asked) return;
    place.replaceChildren(own);
    const ended = await page.show(own);
    if (mine === asked) end = ended;
    else ended?.();
  } catch (error) {
    if (mine !== asked) return;
    if (error instanceof NotAllowed) askWho(error.message);
    else
      place.replaceChildren(
        h(
          'p',
          { role: 'alert', class: 'alert' },
          error instanceof Error ? error.message : String(error),
        ),
      );
  }
}

/** @param {string} why */
function askWho(why) {
  const token = h('input', {
    type: 'password',
    autocomplete: 'off',
    required: true,
    name: 'token',
  });
  place.replaceChildren(
    h(
      'form',
      {
        class: 'card sign-in',
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          signIn(token.value);
          void open();
        },
      },
      h('h1', {}, t('Sign in')),
      h('p', { class: 'muted' }, why),
      field(
        t('Token'),
        token,
        t('A JWT with the role admin. It is kept until this tab is closed.'),
      ),
      h('button', { class: 'primary' }, t('Sign in')),
    ),
  );
  token.focus();
}

document.documentElement.lang = language;
const skip = document.querySelector('.skip');
if (skip) skip.textContent = t('Skip to content');
nav.ariaLabel = t('Pages');
addEventListener('hashchange', () => {
  announce('');
  void open().then(() => {
    place.focus({ preventScroll: true });
    scrollTo(0, 0);
  });
});
void open();
