/* Only for browsers that know no modules, such as old televisions': htmx does not run there. */
setTimeout(function () { location.reload(); }, 5000);
