/** Size of the drawn icon, in pixels. */
const SIZE = 64;

/** Highest number that is shown as such. */
const MOST = 99;

/**
 * Places for the count outside of the page's content.
 *
 * @typedef {{ title: boolean, favicon: boolean, app: boolean }} BadgePlaces
 */

/** Returns the count as a badge shows it. @param {number} count */
export const badgeText = (count) => (count > MOST ? `${MOST}+` : String(count));

/** Count in the title of the page, on its icon, and on the icon of an installed application. */
export class PageBadge {
  /** Title without the count. */
  #title = '';
  /** Title with the count, as this badge has set it. */
  #shownTitle = '';
  #titleCount = 0;
  #titleObserver = new MutationObserver(() => this.#applyTitle());
  /** Icon of the page. @type {HTMLLinkElement | null} */
  #link = null;
  #linkIsOwn = false;
  #href = '';
  #faviconCount = 0;
  #appCount = 0;

  /**
   * Shows a count; none removes it, and restores the page's own title and icon.
   * @param {number} count
   * @param {BadgePlaces} places
   */
  show(count, places) {
    this.#setTitle(places.title ? count : 0);
    this.#setFavicon(places.favicon ? count : 0);
    this.#setApp(places.app ? count : 0);
  }

  /** @param {number} count */
  #setTitle(count) {
    if (count === this.#titleCount) return;
    if (this.#titleCount === 0) {
      this.#title = document.title;
      // Pages change their title as they are navigated.
      this.#titleObserver.observe(document.head, {
        childList: true,
        characterData: true,
        subtree: true,
      });
    }
    this.#titleCount = count;
    this.#applyTitle();
    if (count === 0) {
      this.#titleObserver.disconnect();
      this.#shownTitle = '';
    }
  }

  #applyTitle() {
    if (this.#shownTitle && document.title !== this.#shownTitle) this.#title = document.title;
    const count = this.#titleCount;
    const wanted = count ? `(${badgeText(count)}) ${this.#title}` : this.#title;
    if (document.title !== wanted) document.title = wanted;
    // As the browser has normalized it.
    this.#shownTitle = document.title;
  }

  /** @param {number} count */
  #setFavicon(count) {
    if (count === this.#faviconCount) return;
    this.#faviconCount = count;
    if (count === 0) {
      if (this.#linkIsOwn) this.#link?.remove();
      else this.#link?.setAttribute('href', this.#href);
      this.#link = null;
      return;
    }
    if (!this.#link) {
      this.#link = document.querySelector('link[rel~="icon"]');
      this.#linkIsOwn = !this.#link;
      this.#href = this.#link?.getAttribute('href') ?? '';
    }
    if (!this.#link) {
      this.#link = document.createElement('link');
      this.#link.rel = 'icon';
      document.head.append(this.#link);
    }
    const image = new Image();
    // Without it, an icon of another origin could not be read back from the canvas.
    image.crossOrigin = 'anonymous';
    const draw = (/** @type {HTMLImageElement | null} */ icon) => {
      if (this.#faviconCount === count) this.#link?.setAttribute('href', drawn(icon, count));
    };
    image.onload = () => draw(image);
    image.onerror = () => draw(null);
    image.src = this.#href || '/favicon.ico';
  }

  /** @param {number} count */
  #setApp(count) {
    if (count === this.#appCount) return;
    this.#appCount = count;
    const app = /** @type {any} */ (navigator);
    const done = count ? app.setAppBadge?.(count) : app.clearAppBadge?.();
    // The application may not be installed.
    done?.catch(() => {});
  }
}

/**
 * Draws a count over an icon. Returns a data URL.
 * @param {HTMLImageElement | null} icon
 * @param {number} count
 */
function drawn(icon, count) {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = SIZE;
  const context = canvas.getContext('2d');
  if (!context) return '';
  if (icon) context.drawImage(icon, 0, 0, SIZE, SIZE);
  const text = badgeText(count);
  const radius = icon ? SIZE * 0.32 : SIZE / 2;
  const [x, y] = [SIZE - radius, icon ? radius : SIZE / 2];
  context.fillStyle = '#c81e3a';
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
  context.fillStyle = '#fff';
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  const size = radius * (text.length > 2 ? 0.85 : text.length > 1 ? 1.15 : 1.5);
  context.font = `700 ${size}px system-ui, sans-serif`;
  context.fillText(text, x, y + radius * 0.06, 2 * radius);
  return canvas.toDataURL();
}
