// Lints of the browser tests, run with the ones of the component (web/package.json).
import js from '../../web/node_modules/@eslint/js/src/index.js';
import globals from '../../web/node_modules/globals/index.js';

export default [
  { ignores: ['node_modules/'] },
  js.configs.recommended,
  {
    // Functions that run in the page use the globals of a browser.
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
    rules: {
      eqeqeq: 'error',
      'max-lines': ['error', { max: 400 }],
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
];
