'use strict';

// Stands in for what tests do not look at: style sheets, pictures, the code editor.
module.exports = {};
