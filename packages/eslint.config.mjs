// Lints of the packages, run with the ones of the component (web/package.json).
import js from '../web/node_modules/@eslint/js/src/index.js';
import globals from '../web/node_modules/globals/index.js';

export default [
  { ignores: ['**/node_modules/', '**/dist/'] },
  js.configs.recommended,
  {
    languageOptions: { globals: globals.node },
    rules: {
      eqeqeq: 'error',
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': ['error', { max: 70 }],
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
];
