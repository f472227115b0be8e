const { escape, page, facts } = require("./parts.cjs");

const link = (article) => (article ? `<a href="${article.url}">${escape(article.data.title)}</a>` : "");

module.exports = {
  render: (data) =>
    page(
      data.title,
      `<article>\n<h1>${escape(data.title)}</h1>\n${facts(data)}\n${data.content}\n</article>\n` +
        `<nav>${link(data.newer)} ${link(data.older)}</nav>`,
    ),
};
