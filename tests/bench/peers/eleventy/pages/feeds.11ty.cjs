const { escape } = require("../_includes/parts.cjs");

const SITE = "https://bench.example";

const item = ({ url, date, data, content }) => `<item>
<title>${escape(data.title)}</title>
<link>${SITE}${url}</link>
<guid>${SITE}${url}</guid>
<pubDate>${date.toUTCString()}</pubDate>
<description>${escape(data.summary)}</description>
<content:encoded>${escape(content)}</content:encoded>
${data.tickers.map((symbol) => `<category>${symbol}</category>`).join("")}
</item>
`;

module.exports = {
  data: {
    pagination: { data: "collections.feeds", size: 1, alias: "feed" },
    permalink: ({ feed }) => `${feed.url}feed.xml`,
    eleventyExcludeFromCollections: true,
  },
  render: ({ feed }) => `<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:content="http://purl.org/rss/1.0/modules/content/">
<channel>
<title>${feed.name}</title>
<link>${SITE}${feed.url}</link>
<description>${feed.name}</description>
<atom:link href="${SITE}${feed.url}feed.xml" rel="self" type="application/rss+xml"/>
${feed.items.map(item).join("")}</channel>
</rss>
`,
};
