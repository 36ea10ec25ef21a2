import { NotAllowed, enter, signIn } from './api.js';
import { announce, field, h } from './dom.js';
import { mayLeave } from './guard.js';
import { PAGES } from './pages.js';
import { applyTheme } from './settings.js';
import { Shell } from './shell.js';
import { language, t } from './translations.js';

const place = /** @type {HTMLElement} */ (document.getElementById('page'));

/** @type {void | (() => void)} */
let end;
/** Only the last requested page is shown. */
let asked = 0;
/** Address of the shown page. */
let shown = location.href;

async function open() {
  const id = location.hash.slice(1).split('/')[0] || 'overview';
  const page = PAGES[id] ?? PAGES.overview;
  const mine = ++asked;
  end?.();
  end = undefined;
  shell.draw(PAGES[id] ? (page.under ?? id) : 'overview');
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

applyTheme();
document.documentElement.lang = language;
const skip = /** @type {HTMLElement} */ (document.querySelector('.skip'));
skip.textContent = t('Skip to content');
skip.onclick = (/** @type {Event} */ event) => {
  // The address behind # names a page.
  event.preventDefault();
  place.focus();
};
const shell = new Shell(() => void open());
addEventListener('hashchange', () => {
  if (!mayLeave()) {
    history.replaceState(null, '', shown);
    return;
  }
  shown = location.href;
  announce('');
  void open().then(() => {
    place.focus({ preventScroll: true });
    scrollTo(0, 0);
  });
});
void open();
