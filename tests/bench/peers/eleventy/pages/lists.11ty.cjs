const { escape, page, card } = require("../_includes/parts.cjs");

module.exports = {
  data: {
    pagination: { data: "collections.lists", size: 1, alias: "list" },
    permalink: ({ list }) => list.url,
    eleventyExcludeFromCollections: true,
  },
  render: ({ list }) =>
    page(
      list.name,
      `<h1>${escape(list.name)}</h1>\n${list.cards.map(card).join("")}<nav>` +
        `${list.newer ? `<a rel="prev" href="${list.newer}">Newer</a>` : ""} ` +
        `${list.older ? `<a rel="next" href="${list.older}">Older</a>` : ""}</nav>`,
      list.feed,
    ),
};
