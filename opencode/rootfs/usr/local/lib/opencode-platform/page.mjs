// The plain pages of the image: what the notice page and the question about a repository are made of.

export const escapeHtml = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/**
 * @param {string} title plain text
 * @param {string} body HTML below the title
 * @param {{style: string, head?: string}} options further CSS, and HTML for the head
 */
export const document = (title, body, { style, head = "" }) =>
  `<!doctype html><html lang="en"><meta charset="utf-8">${head}
<meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title>
<style>:root{color-scheme:light dark}body{font:16px/1.5 ui-monospace,monospace;background:light-dark(#fff,#131010);color:light-dark(#211e1e,#f1ecec)}h1{font-size:1.25rem}a{color:inherit}${style}</style>
<main><h1>${escapeHtml(title)}</h1>${body}</main></html>\n`;
