import { call, get, me } from './api.js';
import { announce, button, field, h, runAction } from './dom.js';
import { t } from './translations.js';

/** Preview of an e-mail, which can be sent to an address. */
export class MailPreview {
  element = h('details', { class: 'mail', hidden: true });
  #shown = h('div', { class: 'stack' });
  #summary = h('summary', {});
  #to = h('input', { type: 'email', autocomplete: 'off' });
  /** Shown e-mail. @type {any} */
  #mail = null;
  #isNew = true;

  /** @param {boolean} canSend  Whether the hub sends e-mails. */
  constructor(canSend) {
    this.element.append(this.#summary, this.#shown);
    if (!canSend) return;
    const send = button(t('Send this e-mail'), () => this.#send());
    const place = h('div', { class: 'bar' }, field(t('E-mail address'), this.#to), send);
    // The draft of the type does not change, and Enter does not save it.
    place.oninput = (/** @type {Event} */ event) => event.stopPropagation();
    place.onkeydown = (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== 'Enter' || event.target !== this.#to) return;
      event.preventDefault();
      send.click();
    };
    this.element.append(place);
    this.element.addEventListener('toggle', () => void runAction(() => this.#suggest()), {
      once: true,
    });
  }

  /**
   * Shows an e-mail.
   * @param {any} mail  Null hides it.
   * @param {boolean} [isOpen]  Whether it is opened when it is shown for the first time.
   */
  show(mail, isOpen = false) {
    this.#mail = mail;
    this.element.hidden = !mail;
    if (!mail) return;
    this.#summary.textContent = `${t('E-mail')}: ${mail.subject}`;
    // Nothing of the e-mail can run or load.
    const frame = h('iframe', { title: t('E-mail in HTML') });
    frame.setAttribute('sandbox', '');
    frame.srcdoc = mail.html;
    this.#shown.replaceChildren(frame, h('pre', {}, mail.text));
    if (this.#isNew && isOpen) this.element.open = true;
    this.#isNew = false;
  }

  /** Suggests the address of the caller. */
  async #suggest() {
    const id = me();
    if (!id || this.#to.value) return;
    const { users } = await get('directory', { q: id, limit: '100' });
    const own = users.find((/** @type {any} */ user) => user.user_id === id);
    this.#to.value ||= own?.email ?? '';
  }

  async #send() {
    const to = this.#to.value.trim();
    if (!to) {
      this.#to.focus();
      throw new Error(t('Write an e-mail address first.'));
    }
    const { subject, text, html } = this.#mail;
    const body = { to, mail: { subject, text, html } };
    const { json } = await call('POST', '/api/v1/admin/channels/email/test', { body });
    if (!json.ok) throw new Error(t('Failed: {why}', { why: json.reply }));
    announce(t('Sent to {to}. Reply: {reply}', { to, reply: json.reply }));
  }
}
