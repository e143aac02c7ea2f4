export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** Escapes a text, and makes links of its URLs. */
export const linkedHtml = (text: string): string =>
  escapeHtml(text).replaceAll(/\bhttps:\/\/[^\s()]+/g, (url) => `<a href="${url}">${url}</a>`);

/** Escapes `<`, so that the JSON cannot end its script element. */
export const jsonInHtml = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');
