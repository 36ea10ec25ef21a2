import { NotAllowed, enter } from './api.js';
import { announce, h } from './dom.js';
import { mayLeave } from './guard.js';
import { PAGES } from './pages.js';
import { applyTheme } from './settings.js';
import { Shell } from './shell.js';
import { askWho } from './sign-in.js';
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
  const current = PAGES[id] ? (page.under ?? id) : 'overview';
  if (shell.isIn) shell.draw(current);
  document.title = `${t(page.name)} – Lonceng`;
  const own = h('div', { class: 'page' }, h('h1', {}, t(page.name)));
  try {
    // Checked first, so that no partial page is shown.
    await enter();
    if (mine !== asked) return;
    shell.draw(current);
    place.replaceChildren(own);
    const ended = await page.show(own);
    if (mine === asked) end = ended;
    else ended?.();
  } catch (error) {
    if (mine !== asked) return;
    if (error instanceof NotAllowed) {
      shell.drawSignedOut();
      document.title = `${t('Sign in')} – Lonceng`;
      askWho(place, error.message, error.status === 403, () => void open());
    } else
      place.replaceChildren(
        h(
          'p',
          { role: 'alert', class: 'alert' },
          error instanceof Error ? error.message : String(error),
        ),
      );
  }
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
