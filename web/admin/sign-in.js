import { button, field, h } from './dom.js';
import { isSignedIn, signIn } from './token.js';
import { t } from './translations.js';

/** Commands that print a token of an administrator, and an API key. */
const COMMANDS = [
  'lonceng token --user NAME --role admin --ttl 8h',
  'docker compose exec hub lonceng token --user NAME --role admin --ttl 8h',
  'lonceng key new console --scope admin',
];

/**
 * Returns the form of a sign-in.
 * @param {object} options
 * @param {string} options.title
 * @param {string} [options.note]
 * @param {string} [options.error]  Why the sign-in is needed, or why it failed.
 * @param {() => void} [options.cancel]
 * @param {() => Promise<void>} options.act  Called with the token stored.
 */
function form({ title, note, error, cancel, act }) {
  const token = h('input', {
    type: 'password',
    autocomplete: 'off',
    required: true,
    name: 'token',
  });
  const failure = h('p', { class: 'alert', role: 'alert', hidden: !error }, error ?? '');
  const onsubmit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    signIn(token.value);
    try {
      await act();
    } catch (wrong) {
      failure.hidden = false;
      failure.textContent = wrong instanceof Error ? wrong.message : String(wrong);
      token.focus();
      token.select();
    }
  };
  const [plain, docker, key] = COMMANDS.map((text) => h('pre', { tabIndex: 0 }, text));
  const element = h(
    'form',
    { class: 'card sign-in', 'aria-label': title, onsubmit },
    h(cancel ? 'h2' : 'h1', {}, title),
    h('p', { class: 'muted' }, note ?? t('Use a token with the role admin, or an API key.')),
    failure,
    field(t('Token or API key'), token, t('It is kept until this tab is closed.')),
    h(
      'div',
      { class: 'bar' },
      h('button', { class: 'primary' }, t('Sign in')),
      cancel ? button(t('Cancel'), cancel, { class: 'quiet' }) : null,
    ),
    h(
      'details',
      { open: !cancel },
      h('summary', {}, t('How to get one')),
      h(
        'div',
        { class: 'stack' },
        h('p', {}, t('A token, on the machine of the hub, or with Docker:')),
        plain,
        docker,
        h('p', {}, t('An API key with the scope admin; add the printed line to config.toml:')),
        key,
        h('p', {}, t('A token that your site signs works too, if its roles have admin.')),
      ),
    ),
  );
  return { element, token };
}

/**
 * Shows the sign-in instead of a page.
 * @param {HTMLElement} place
 * @param {string} why  What the hub says.
 * @param {boolean} isRefused  Whether a token or an identity was refused.
 * @param {() => void} done
 */
export function askWho(place, why, isRefused, done) {
  const { element, token } = form({
    title: t('Sign in to the console'),
    error: isRefused || isSignedIn() ? why : undefined,
    act: async () => done(),
  });
  place.replaceChildren(element);
  token.focus();
}

/** Sign-in that is open. @type {Promise<boolean> | null} */
let asking = null;

/**
 * Opens the sign-in above the page, which keeps what is written in it. Returns whether the caller
 * has signed in.
 * @param {string} why
 * @param {() => Promise<void>} check  Throws while the token is not accepted.
 * @returns {Promise<boolean>}
 */
export function askAgain(why, check) {
  asking ??= openDialog(why, check).finally(() => (asking = null));
  return asking;
}

/**
 * @param {string} why
 * @param {() => Promise<void>} check
 * @returns {Promise<boolean>}
 */
function openDialog(why, check) {
  const title = t('Sign in again');
  const dialog = h('dialog', { 'aria-label': title, class: 'again' });
  const focused = document.activeElement;
  return new Promise((resolve) => {
    let isIn = false;
    const { element, token } = form({
      title,
      note: t('Nothing that you wrote is lost: the last action continues after the sign-in.'),
      error: why,
      cancel: () => dialog.close(),
      act: async () => {
        await check();
        isIn = true;
        dialog.close();
      },
    });
    dialog.onclose = () => {
      dialog.remove();
      /** @type {HTMLElement | null} */ (focused)?.focus();
      resolve(isIn);
    };
    dialog.append(element);
    document.body.append(dialog);
    dialog.showModal();
    token.focus();
  });
}
