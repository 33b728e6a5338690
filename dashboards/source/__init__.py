"""The dashboards, as a person reads and changes them.

A dashboard is a module with a function `dashboard()`: rows of panels, and headings between them. `panels` has one
function for each kind of panel, `queries` makes PromQL, `looks` gives values their words and colours, `page` sets
panels out and adds what all dashboards share. Only Grafana's own panels, Grafana 10 or later.
"""
