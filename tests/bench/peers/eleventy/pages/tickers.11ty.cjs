const { page } = require("../_includes/parts.cjs");

const entry = ({ name, members }) => `<li><a href="/tickers/${name.toLowerCase()}/">${name}</a> ${members.length}</li>\n`;

module.exports = {
  data: { permalink: "/tickers/", eleventyExcludeFromCollections: true },
  render: ({ collections }) => page("Tickers", `<ul>\n${collections.tickers.map(entry).join("")}</ul>`),
};
