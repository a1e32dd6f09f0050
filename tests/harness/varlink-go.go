// SPDX-License-Identifier: Apache-2.0

// A client as a program in Go would be: of the code that varlink-go makes of the interface's description. ADDRESS is
// that of an irqwatchd that runs.
package main

import (
	"context"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/varlink/go/varlink"
	"github.com/varlink/go/varlink/idl"
	monitor "irqwatch"
)

var ctx, cancel = context.WithTimeout(context.Background(), 100*time.Second)

func must(what string, err error) {
	if err != nil {
		fmt.Println("FAIL:", what, "-", err)
		os.Exit(1)
	}
	fmt.Println("pass:", what)
}

func wanted(ok bool, got interface{}) error {
	if ok {
		return nil
	}
	return fmt.Errorf("got %+v", got)
}

func introspect(c *varlink.Connection) {
	var vendor, product, version, url string
	var interfaces []string

	must("GetInfo", c.GetInfo(ctx, &vendor, &product, &version, &url, &interfaces))
	sort.Strings(interfaces)
	must("its interfaces", wanted(strings.Join(interfaces, " ") == "io.irqwatch.monitor org.varlink.service", interfaces))
	text, err := c.GetInterfaceDescription(ctx, "io.irqwatch.monitor")
	must("GetInterfaceDescription", err)
	parsed, err := idl.New(text)
	must("the description can be read", err)
	must("its methods", wanted(len(parsed.Methods) >= 14, len(parsed.Methods)))
	_, err = c.GetInterfaceDescription(ctx, "org.example.nosuch")
	must("an interface that is not there", wanted(err != nil, err))
}

func query(c *varlink.Connection) {
	since := time.Now().Add(-time.Minute).UnixMicro()

	status, err := monitor.GetStatus().Call(ctx, c)
	must("GetStatus", err)
	must("its collectors", wanted(len(status.Collectors) > 3, status))
	report, err := monitor.Report().Call(ctx, c, since, nil, &[]int64{0}, nil, nil)
	must("Report", err)
	must("its span", wanted(report.SinceUsec >= since, report.SinceUsec))
	events, err := monitor.ListEvents().Call(ctx, c, nil, nil, nil, nil, nil, nil, nil, nil)
	must("ListEvents", err)
	must("events", wanted(events != nil, events))
	_, rules, err := monitor.ListAlerts().Call(ctx, c)
	must("ListAlerts", err)
	must("rules", wanted(rules != nil, rules))
	boots, err := monitor.ListBoots().Call(ctx, c)
	must("ListBoots", err)
	must("boots", wanted(boots != nil, boots))
}

// The errors come as the types that were made of the description.
func refusals(c *varlink.Connection) {
	_, err := monitor.GetEvent().Call(ctx, c, 7)
	_, is := err.(*monitor.NoSuchEvent)
	must("NoSuchEvent", wanted(is, err))
	_, err = monitor.GetRates().Call(ctx, c, "nosuch", nil, time.Now().Add(-time.Minute).UnixMicro(), nil, nil)
	_, is = err.(*monitor.NoData)
	must("NoData", wanted(is, err))
	_, err = monitor.Report().Call(ctx, c, -1, nil, nil, nil, nil)
	_, is = err.(*varlink.InvalidParameter)
	must("InvalidParameter", wanted(is, err))
	_, err = monitor.Subscribe().Call(ctx, c, nil, nil)
	must("a stream that was not asked for", wanted(err != nil, err))
}

func stream(address string) {
	c, err := varlink.NewConnection(ctx, address)
	must("a second connection", err)
	receive, err := monitor.Subscribe().Send(ctx, c, varlink.More, nil, nil)
	must("Subscribe", err)
	event, flags, err := receive(ctx)
	must("the first reply", err)
	must("more to come", wanted(event == nil && flags&varlink.Continues != 0, flags))
	must("hanging up in the middle", c.Close())
}

func main() {
	defer cancel()
	c, err := varlink.NewConnection(ctx, os.Args[1])
	must("connection", err)
	introspect(c)
	query(c)
	refusals(c)
	stream(os.Args[1])
	query(c)
	must("hanging up", c.Close())
}
