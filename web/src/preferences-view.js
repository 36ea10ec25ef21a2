import { element, icon } from './icons.js';
import { ResultBar } from './result-bar.js';
import { Settings } from './settings.js';
import { statusText } from './status-text.js';

/** @import { Client } from './client.js' */
/** @import { Words } from './messages.js' */

/** Settings of the user, without the list. */
export class PreferencesView {
  root = element('div', 'view');
  #banner = element('div', 'banner');
  #bar = new ResultBar();
  #settings = new Settings((result) => this.#say(result));
  /** @type {Words} */
  #words = {};
  #host;
  /** True if the form is filled, or is being filled. */
  #shown = false;
  /** Generation of the inbox that the form belongs to. */
  #generation = 0;

  /** @param {{ client: () => Client | null, announce: (text: string) => void }} of */
  constructor(of) {
    this.#host = of;
    this.root.append(this.#banner, this.#settings.root, this.#bar.root);
  }

  /**
   * Changes the language, which fills the form again.
   * @param {Words} words
   */
  setLanguage(words) {
    this.#words = words;
    this.forget();
    this.render();
  }

  /** Clears the form for another user. */
  forget() {
    this.#generation = this.#host.client()?.generation ?? 0;
    this.#shown = false;
    this.#settings.forget();
  }

  /** Fills the form as soon as the user is signed in, and shows why it is not filled. */
  render() {
    const client = this.#host.client();
    if (client && client.generation !== this.#generation) this.forget();
    const status = client?.status ?? 'connecting';
    const text = statusText(status, this.#words) || (this.#shown ? '' : this.#words.loading);
    const blocked = Boolean(client && !client.mayShow);
    this.root.classList.toggle('blocked', blocked);
    this.#banner.replaceChildren(...(blocked ? [icon('lock')] : []), text);
    this.#banner.hidden = !text;
    this.#settings.root.hidden = !client?.mayShow;
    if (this.#shown || !client || status !== 'online') return;
    this.#shown = true;
    this.#settings.show(client, this.#words).then(
      () => this.render(),
      () => {
        this.#shown = false;
        this.#banner.textContent = this.#words.failed;
      },
    );
  }

  /** @param {string} result */
  #say(result) {
    this.#host.announce(result);
    this.#bar.show(result, '');
  }
}
