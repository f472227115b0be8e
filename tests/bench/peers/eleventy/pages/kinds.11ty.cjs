const { page } = require("../_includes/parts.cjs");

const entry = ({ name, url, members }) => `<li><a href="${url}">${name}</a> ${members.length}</li>\n`;

module.exports = {
  data: {
    pagination: { data: "collections.kinds", size: 1, alias: "kind" },
    permalink: ({ kind }) => `/${kind.kind}/`,
    eleventyExcludeFromCollections: true,
  },
  render: ({ kind }) => page(kind.kind, `<ul>\n${kind.groups.map(entry).join("")}</ul>`),
};
