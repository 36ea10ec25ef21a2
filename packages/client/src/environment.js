// Globals of a browser for the modules of web/src, so that Node can import them. esbuild puts these
// names in the place of the global ones.

/** URL of the page; its origin is the default address of the hub. */
export const pageUrl = globalThis.location?.href ?? 'http://localhost/';

const BrowserElement = globalThis.HTMLElement ?? class {};
export { BrowserElement as HTMLElement };

const registry = globalThis.customElements ?? { get: () => undefined, define: () => {} };
export { registry as customElements };
